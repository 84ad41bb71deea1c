"""Run by Nuke at start, also by render nodes: makes the gizmos known."""

from pathlib import Path

import nuke

nuke.pluginAddPath(str(Path(__file__).resolve().parent))
