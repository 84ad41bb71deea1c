"""What a rendered EXR says of itself in its header: attributes that begin with `onelight:`, signed together.

So a frame that was sent on without its sidecar still tells, and proves, what made it. The signature is over all of the
attributes but itself, and `outputPixels` among them is the SHA-256 of the pixels.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from onelight.errors import OnelightError
from onelight.provenance.chain import Verify, canonical
from onelight.provenance.digests import Pixels

SIGNATURE = "signature"
PIXELS = "outputPixels"


def attributes(told: Mapping[str, Any], pixels: Pixels, sign: Callable[[bytes], bytes] | None) -> dict[str, str]:
    """The attributes of a frame, without what their names begin with; `told` is the frame's record."""
    model = told["model"] or {}
    said = {
        "tool": f"{told['tool']['id']} {told['tool']['spec_version']}",
        "output": str(told["output"]),
        "model": f"{model['show']}/{told['tool']['id']}@{model['version']}" if model else "",
        "modelDigest": str(model.get("digest", "")),
        "runtime": _text(told["runtime"]),
        "knobs": _text(told["knobs"]),
        "inputs": _text(told["inputs"]),
        "shares": _text(told["shares"]),
        "operator": str(told["operator"]),
        "purpose": str(told["purpose"]),
        "editClass": str(told["edit_class"]),
        "frame": str(told["frame"]),
        "show": str(told["show"]),
        PIXELS: pixels.sha256,
    }
    return said | ({SIGNATURE: sign(canonical(said)).hex()} if sign else {})


def check(said: Mapping[str, str], pixels: Pixels, verify: Verify | None) -> list[str]:
    """What is wrong with a file's own attributes, in words; empty where all is as it was written."""
    problems = []
    if said.get(PIXELS) != pixels.sha256:
        problems.append(f"its pixels are not those that its attribute onelight:{PIXELS} names")
    if verify is not None:
        bare = {name: value for name, value in said.items() if name != SIGNATURE}
        if SIGNATURE not in said:
            problems.append("its attributes are not signed")
        else:
            try:
                verify(canonical(bare), bytes.fromhex(said[SIGNATURE]))
            except (OnelightError, ValueError) as error:
                problems.append(f"one of its onelight: attributes was changed, or signed with another key ({error})")
    return problems


def record(said: Mapping[str, str]) -> dict[str, Any]:
    """What the attributes tell, in the form of a frame's record."""
    model, _, version = said.get("model", "").partition("@")
    show, _, tool = model.partition("/")
    known = {"show": show, "version": version, "digest": said.get("modelDigest", "")} if model else None
    return {
        "tool": {"id": tool or said.get("tool", "").partition(" ")[0]},
        "model": known,
        "operator": said.get("operator", ""),
        "purpose": said.get("purpose", ""),
        "edit_class": said.get("editClass", ""),
        "frame": said.get("frame", ""),
        "shares": _read(said.get("shares", "")),
        "inputs": _read(said.get("inputs", "")) or [],
    }


def _read(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _text(told: Any) -> str:
    return canonical(told).decode() if told is not None else ""
