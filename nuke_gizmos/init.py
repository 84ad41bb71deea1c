"""Run by Nuke at start, on workstations and render nodes: makes the gizmos known, and what new nodes begin with."""

from pathlib import Path

import nuke

nuke.pluginAddPath(str(Path(__file__).resolve().parent))

from onelight_nuke import defaults  # noqa: E402 (found on the path that the line above added)

defaults.install()
