"""Where training material comes from and how much of it there is, by the headings of the EU's template."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

from onelight.shows.schema import Clip
from onelight.tools import discover

RANGES = {  # of the template, upper bounds excluded
    "video": ((10_000, "less than 10 000 hours"), (1_000_000, "10 000 to 1 million hours"), (None, "more")),
    "image": (
        (1_000_000, "less than 1 million images"),
        (1_000_000_000, "1 million to 1 billion images"),
        (None, "more"),
    ),
}
OWN, LICENSED, PUBLIC = "2.6", "2.2.1", "2.1"


def modalities(used: list[Clip]) -> dict[str, Any]:
    """What kinds of material clips are, and how much of each."""
    moving = [clip for clip in used if clip.kind != "still"]
    hours = sum(seconds(clip) for clip in moving) / 3600
    stills = len(used) - len(moving)
    return {
        "video": {
            "clips": len(moving),
            "frames": sum(frames(clip) for clip in moving),
            "hours": round(hours, 6),
            "range": _range("video", hours) if moving else "none",
        },
        "image": {"count": stills, "range": _range("image", stills) if stills else "none"},
        "content": "camera dailies of this production" if used else "none",
        "latest_acquisition": max((clip.ingested.isoformat(timespec="seconds") for clip in used), default=""),
        "cameras": dict(Counter(str(clip.camera.get("camera") or "not known") for clip in used)),
        "none": ["text", "audio"],
    }


def sources(used: list[Clip], models: list[dict[str, Any]]) -> dict[str, Any]:
    """Under each heading of the template's second section, whose material was learnt from and on what grounds."""
    groups: dict[str, list[dict[str, Any]]] = {OWN: [], LICENSED: [], PUBLIC: []}
    by_rights: dict[str, list[Clip]] = {}
    for clip in used:
        by_rights.setdefault(clip.rights.digest if clip.rights else "", []).append(clip)
    for clips in by_rights.values():
        rights = clips[0].rights
        groups[_section(rights.basis if rights else "")].append(
            {
                "owner": rights.owner if rights else "not stated",
                "basis": rights.basis if rights else "not stated",
                "purposes": list(rights.purposes) if rights else [],
                "expires": rights.expires.isoformat(timespec="seconds") if rights and rights.expires else "",
                "consents": len(rights.consents) if rights else 0,
                "statement": rights.digest if rights else "",
                "clips": [clip.name for clip in clips],
                "hours": round(sum(seconds(clip) for clip in clips) / 3600, 6),
            }
        )
    bases = sorted({(each["tool"], each["base_version"]) for each in models if each.get("base_show") == "base"})
    return {
        **groups,
        "2.2.2": [],
        "2.3": "none: no program of Onelight fetches anything from a network to learn from",
        "2.4": "none: what people do at the node is not learnt from, unless the production names results as pairs",
        "2.5": {
            "what": "procedural scenes rendered with ground truth (the soundstage): from them the built-in base models "
            "learnt, and a share of them is shown again while a show's model is trained; no model of others made any",
            "models": [{"name": f"base/{tool}@{name}", "data": _card(tool, name)} for tool, name in bases],
        },
    }


def _section(basis: str) -> str:
    """Under which heading of the template a basis of rights falls."""
    words = basis.casefold()
    if "public domain" in words or "creative commons" in words or words.startswith("cc"):
        return PUBLIC
    return LICENSED if "licen" in words else OWN


def _card(tool: str, version: str) -> list[str]:
    """The lines on data of a built-in model's card."""
    card = Path(__file__).parents[1] / "tools" / tool / "base" / version / "card.md"
    if tool not in discover() or not card.is_file():
        return []
    _, _, rest = card.read_text(encoding="utf-8").partition("\n## Data\n")
    lines = rest.partition("\n## ")[0].splitlines()
    return [line.removeprefix("- ") for line in lines if line.startswith("- ")]


def frames(clip: Clip) -> int:
    """How many frames a clip has."""
    return clip.last - clip.first + 1


def seconds(clip: Clip) -> float:
    """How long it lasts; 0 where its rate is not known."""
    rate = Fraction(clip.rate) if clip.rate else Fraction(0)
    return float(frames(clip) / rate) if rate else 0.0


def _range(modality: str, amount: float) -> str:
    return next(text for bound, text in RANGES[modality] if bound is None or amount < bound)
