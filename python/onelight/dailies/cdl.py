"""ASC CDLs as slope, offset, power, saturation and where they came from; .cc, .ccc and .cdl by OpenColorIO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import PyOpenColorIO as ocio

from onelight.errors import RequestError


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The corrections of a .cc, .ccc or .cdl file by id. Raises RequestError naming the file."""
    if not path.is_file():
        raise RequestError(f"The CDL file {path} does not exist.")
    try:
        group = ocio.CDLTransform.CreateGroupFromFile(str(path))
        found = [transform for transform in group if isinstance(transform, ocio.CDLTransform)]
    except (ocio.Exception, ocio.ExceptionMissingFile) as error:
        raise RequestError(f"The CDL file {path} cannot be read: {error}.") from error
    return {
        transform.getID() or f"{path.stem}.{index}": _told(transform, path) for index, transform in enumerate(found, 1)
    }


def of_event(metadata: Mapping[str, Any], source: str) -> dict[str, Any] | None:
    """The CDL that OpenTimelineIO found in an EDL's comments or in ALE columns; None without one."""
    told = metadata.get("cdl") or {}
    sop = told.get("asc_sop") or {}
    if not sop and "asc_sat" not in told:
        return None
    return {
        "slope": [float(value) for value in sop.get("slope", (1, 1, 1))],
        "offset": [float(value) for value in sop.get("offset", (0, 0, 0))],
        "power": [float(value) for value in sop.get("power", (1, 1, 1))],
        "saturation": float(told.get("asc_sat", 1)),
        "source": source,
    }


def _told(transform: ocio.CDLTransform, path: Path) -> dict[str, Any]:
    return {
        "slope": list(transform.getSlope()),
        "offset": list(transform.getOffset()),
        "power": list(transform.getPower()),
        "saturation": transform.getSat(),
        "source": path.name,
    }
