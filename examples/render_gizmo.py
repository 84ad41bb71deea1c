"""Renders the example clip, a wire pasted over it, through the real OpenFX plug-in as a published gizmo sets it.

Usage: render_gizmo.py GIZMO FOLDER [FRAMES]. Writes FOLDER/plate.####.exr and FOLDER/cleaned.####.exr.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from onelight import images
from onelight.codegen import gizmo
from onelight.demo import cleanup, footage
from onelight.demo.comp import bundle, host_module
from onelight.tools import discover
from onelight.tools.cleanup import wires

OWN = ("inputs", "name", "output", "digest")  # the host's; the pass; what the node writes beside Show and Version


def settings(path: Path) -> dict[str, str]:
    """What the gizmo sets on its first plug-in node, by knob; what is linked to the panel has the plug-in's default."""
    host_module()  # finds the readers of Nuke's files among the tests
    from nuketcl import script, words

    kind = gizmo.node_class(discover()["cleanup"])
    node = next(node for node in script(path.read_text()).all_nodes() if node.class_name == kind)
    raw = {str(knob.name): str(knob.value.raw) for knob in node.knobs if knob.name not in OWN}
    return {name: words(text)[0] for name, text in raw.items() if not text.startswith("{")}


def main(path: Path, folder: Path, count: int) -> None:
    """Renders `count` frames."""
    plates = footage.clip(cleanup.CLIP, cleanup.CLIP_FIRST, count)
    for number, plate in plates.items():
        plate[..., :3] = wires.paste(plate[..., :3].astype(np.float32), [cleanup.swinging()], number).picture
        images.write_frame(folder / f"plate.{number:04d}.exr", images.Frame.of(plate))
    host = host_module().Host("strict", bundle(), has_project=False)
    node = host.node("org.onelight.cleanup")
    node.connect("Source", plates, depth="half", premult="opaque", span=(1, count))
    for knob, value in {**settings(path), "colourspace": "acescg"}.items():
        node.set(knob, value)
    for number in plates:
        images.write_frame(folder / f"cleaned.{number:04d}.exr", images.Frame.of(node.render(number)))
    print(f"{count} frames by {node.value('show')}/cleanup@{node.value('version')}, digest {node.value('digest')[:16]}")
    host.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 6)
