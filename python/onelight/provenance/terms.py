"""The words of provenance, closed lists: why a frame was edited, how far the edit goes, what kind of media it is."""

from __future__ import annotations

from onelight.errors import RequestError

PURPOSES = {
    "cosmetics": "skin, hair, make-up",
    "wardrobe": "costume, harness, what a performer wears",
    "continuity": "takes and set-ups that have to match: light, weather, time of day, dressing",
    "clean-up": "wires, rigs, crew, equipment, dirt: what was never meant to be in the picture",
    "noise": "grain and noise",
    "timing": "timing or speed",
    "tone": "exposure, contrast, colour",
    "clarity": "focus, sharpness, legibility",
    "effects": "visual effects and filters",
    "standards": "standards and practices of a broadcaster: logos, faces, blur",
    "ratings": "what a rating or a territory asks for",
    "dialogue": "picture that follows changed dialogue or narration",
}
EDIT_CLASSES = {
    "standard": "standard edit: what the scene shows, and what its performers did, is as it was shot",
    "substantial": "substantial alteration: the scene or a performance shows what was not shot",
}

_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
ENHANCED = _SOURCE_TYPES + "algorithmicallyEnhanced"
COMPOSITE = _SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"


def purpose(name: str) -> str:
    """The purpose, checked. Raises RequestError with the list."""
    if name not in PURPOSES:
        said = f"--purpose {name} is none of ours" if name else "Why is this edit made? Give --purpose"
        raise RequestError(f"{said}: {', '.join(PURPOSES)}.")
    return name


def edit_class(name: str) -> str:
    """The edit class, checked. Raises RequestError with the list."""
    if name not in EDIT_CLASSES:
        raise RequestError(f"--edit-class {name} is none of ours: {', '.join(EDIT_CLASSES)}.")
    return name


def digital_source_type(synthesised: float | None, edit: str) -> str:
    """IPTC's digital source type of an edit, as C2PA's actions have it.

    A plate times a bounded operator, and pixels of the same shot that were moved, are 'algorithmically altered' media:
    no picture element was generated. As soon as a share of the pixels was made up, or nobody can say how many were,
    or the operator calls the edit a substantial alteration, it is a composite with what a trained model made.
    """
    made = synthesised is None or synthesised > 0
    return COMPOSITE if made or edit == "substantial" else ENHANCED
