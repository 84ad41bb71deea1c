"""Content credentials (C2PA) in PNG, JPEG, TIFF and MP4: what was done to whose pixels, signed by the show."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import c2pa

from onelight.errors import ImageError, OnelightError
from onelight.provenance import certificates, shape, terms
from onelight.shows.keys import Keys
from onelight.shows.store import Show

TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".mp4": "video/mp4",
}
RECORD = "org.onelight.record"  # our assertion: the frame's record, or the sequence's
_PARENT = "plate"
# What may be learnt from a production's picture is the production's decision: nobody else's.
_NOT_TO_LEARN_FROM = {
    f"cawg.{use}": {"use": "notAllowed"}
    for use in ("ai_generative_training", "ai_training", "ai_inference", "data_mining")
}
_PLAIN = {
    "assertion.dataHash.mismatch": "its pixels, or other bytes, were changed",
    "assertion.bmffHash.mismatch": "its frames, or other bytes, were changed",
    "assertion.hashedURI.mismatch": "an entry of its manifest was changed",
    "assertion.missing": "an entry of its manifest was taken out",
    "assertion.undeclared": "an entry was put into its manifest",
    "claimSignature.mismatch": "its manifest was changed: the signature does not fit",
    "claim.missing": "its manifest is not whole",
    "signingCredential.untrusted": "it was signed by a key that is none of this show's",
    "signingCredential.expired": "the certificate has expired",
}


def can_carry(file: Path) -> bool:
    """Whether files of this kind carry content credentials."""
    return file.suffix.lower() in TYPES


@dataclass(frozen=True)
class Credentials:
    """What a file's content credentials say; `problems` is empty where they hold and the show signed them."""

    record: Mapping[str, Any]
    actions: list[dict[str, Any]]
    signer: str
    problems: list[str]


def embed(part: Path, name: str, record: Mapping[str, Any], show: Show) -> None:
    """Put credentials into the file `part`, which will be called `name`; all of it or nothing.

    `record` is a frame's record or a sequence's. Raises ImageError naming the file where that fails.
    """
    kind = TYPES[Path(name).suffix.lower()]
    target = part.with_name(f"{part.stem}-signed{part.suffix}")
    try:
        signer = c2pa.Signer.from_callback(Keys(show).sign, c2pa.C2paSigningAlg.ED25519, certificates.chain(show))
        builder = c2pa.Builder(_manifest(name, kind, record), context=_context(""))
        with part.open("rb") as source, target.open("w+b") as signed:
            builder.sign(signer, kind, source, signed)
            signed.flush()
            os.fsync(signed.fileno())
        target.replace(part)
    except c2pa.C2paError as error:
        raise ImageError(f"{name} cannot carry content credentials: {error}") from error
    except OSError as error:
        raise ImageError(f"{name} cannot be written: {error.strerror or error}") from error
    finally:
        target.unlink(missing_ok=True)


def read(file: Path, roots: str) -> Credentials | None:
    """The credentials of a file, checked against those roots (PEM) and no others; None where it carries none.

    Raises ImageError where the file cannot be read.
    """
    try:
        with file.open("rb") as stream:
            reader = c2pa.Reader.try_create(TYPES[file.suffix.lower()], stream, None, _context(roots))
            told = json.loads(reader.json()) if reader else None
    except OSError as error:
        raise ImageError(f"{file} cannot be read: {error.strerror or error}") from error
    except c2pa.C2paError as error:
        return Credentials({}, [], "", [f"its content credentials are damaged ({error})"])
    if told is None:
        return None
    manifest = told.get("manifests", {}).get(told.get("active_manifest"), {})
    entries: dict[str, Any] = {each["label"]: each.get("data") for each in manifest.get("assertions", [])}
    acted = [data for label, data in entries.items() if label.startswith("c2pa.actions")]
    actions = acted[0]["actions"] if acted and not shape.wrong(acted[0], {"actions": [dict]}) else []
    record = entries.get(RECORD, {})
    bad = shape.wrong(record, shape.RECORD) if record else ""
    codes = list(dict.fromkeys(each["code"] for each in told.get("validation_status", [])))
    problems = [_PLAIN.get(code, f"its content credentials do not hold ({code})") for code in codes]
    if told.get("validation_state") != "Trusted" and not problems:
        problems.append(f"its content credentials are {told.get('validation_state')}, not trusted")
    if not record:
        problems.append("its content credentials were not made by Onelight")
    elif bad:
        record = {}
        problems.append(f"its content credentials are not as we write them ({bad})")
    elif not problems and not _padding_is_empty(file):
        problems.append("bytes were written into the padding of its manifest")
    return Credentials(record, actions, _signer(manifest), problems)


def _signer(manifest: Mapping[str, Any]) -> str:
    return str((manifest.get("signature_info") or {}).get("common_name") or "")


def _padding_is_empty(file: Path) -> bool:
    """Whether the room behind the signature, which C2PA leaves out of every hash, holds zeros as it was left."""
    data = file.read_bytes()
    if file.suffix.lower() in (".jpg", ".jpeg"):
        data = _jumbf_of_jpeg(data)
    rooms = [(found.end(), int.from_bytes(found[1])) for found in re.finditer(rb"cpadY(..)", data, re.DOTALL)]
    return bool(rooms) and all(data[start : start + size] == bytes(size) for start, size in rooms)


def _jumbf_of_jpeg(data: bytes) -> bytes:
    """The boxes that a JPEG carries in its APP11 segments, without what each segment begins with (ISO 19566-5)."""
    boxes, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        size = int.from_bytes(data[at + 2 : at + 4])
        if data[at + 1] == 0xEB:  # JP, instance, number, and the box's own length and type, in each segment again
            boxes.append(data[at + 4 + 16 : at + 2 + size])
        at += 2 + size
    return b"".join(boxes)


def _manifest(name: str, kind: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """One edit of one parent: the plate is opened, and edited by the tool on the production's own pixels."""
    shares = record.get("shares") or {}
    made = shares.get("synthesised")
    tool = record["tool"]
    model = record.get("model") or {}
    version = f"{model['show']}/{tool['id']}@{model['version']}" if model else "no model"
    edited = {
        "action": "c2pa.edited",
        "softwareAgent": {"name": f"Onelight {tool['label']}", "version": version},
        "digitalSourceType": terms.digital_source_type(made, record["edit_class"]),
        "description": terms.EDIT_CLASSES[record["edit_class"]],
        "parameters": {
            "org.onelight.purpose": record["purpose"],
            "org.onelight.edit_class": record["edit_class"],
            "org.onelight.operator": record["operator"],
            "org.onelight.shares": shares,
        },
    }
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}}
    plate = record["inputs"][0]
    return {
        "claim_generator_info": [{"name": "Onelight", "version": metadata.version("onelight")}],
        "title": name,
        "format": kind,
        "ingredients": [
            {
                "label": _PARENT,
                "title": Path(plate["file"]).name,
                "format": "application/octet-stream",
                "relationship": "parentOf",
                "instance_id": f"urn:sha256:{plate['sha256']}",
                "description": "The production's own plate, as the edit began.",
            }
        ],
        "assertions": [
            {"label": "c2pa.actions", "data": {"actions": [opened, edited]}},
            {"label": "cawg.training-mining", "data": {"entries": _NOT_TO_LEARN_FROM}},
            {"label": RECORD, "data": dict(record)},
        ],
    }


def _context(roots: str) -> c2pa.Context:
    settings: dict[str, Any] = {
        "version": 1,
        "builder": {"thumbnail": {"enabled": False}},  # of the picture, which a credential that is cut out would keep
        # Nothing is fetched: neither certificates' state nor manifests, from wherever a file says.
        "verify": {
            "verify_trust": True,
            "verify_after_sign": True,
            "ocsp_fetch": False,
            "remote_manifest_fetch": False,
        },
    }
    if roots:
        settings["trust"] = {"user_anchors": roots}
    try:
        return c2pa.Context.from_dict(settings)
    except c2pa.C2paError as error:
        raise OnelightError(f"The c2pa library refuses its settings: {error}.") from error
