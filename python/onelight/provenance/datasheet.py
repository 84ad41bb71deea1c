"""The data sheet of a show: what its models learnt from, in the terms of the EU AI Act's summary of training content.

Sections and their numbers are those of the template that the European Commission published for Article 53(1)(d) of
Regulation (EU) 2024/1689. A production's model is no general-purpose model and owes no such summary; its terms are
what lawyers, guilds and buyers ask in. Nothing is estimated: what the store does not hold is said to be missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from onelight.dailies import material
from onelight.errors import OnelightError
from onelight.provenance import sources
from onelight.provenance.chain import canonical
from onelight.shows import journal, versions
from onelight.shows.keys import Keys
from onelight.shows.schema import Clip, Entry, ModelVersion
from onelight.shows.store import Show

KIND, FORMAT = "onelight data sheet", 1
_LOGGED = ("version ", "dailies withdraw", "show rekey")


def sheet(show: Show, provider: str = "", contact: str = "") -> dict[str, Any]:
    """The sheet as plain data. `provider` and `contact` are the production company's, which a store does not know."""
    models = [_model(show, each) for each in versions.listed(show)]
    with show.reading() as session:
        clips = list(session.scalars(select(Clip).order_by(Clip.name, Clip.id)))
        learnt = {clip["digest"] for model in models for clip in model["clips"]}
        used = [clip for clip in clips if clip.digest in learnt]
        return {
            "kind": KIND,
            "format": FORMAT,
            "show": show.name,
            "identity": show.identity,
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": f"Onelight {metadata.version('onelight')}",
            "1": {
                "1.1": {"provider": provider, "contact": contact},
                "1.2": {"models": models},
                "1.3": sources.modalities(used),
            },
            "2": sources.sources(used, models),
            "3": {
                "3.1": _reservations(clips),
                "3.2": {"kept_out": _kept_out(clips)},
                "3.3": _processing(used),
            },
            "clips": [_clip(clip) for clip in used],
            "pairs": _pairs(models),
            "not_learnt_from": [
                {"name": clip.name, "digest": clip.digest, "why": material.refusal(clip) or "no version learnt from it"}
                for clip in clips
                if clip.digest not in learnt
            ],
            "log": _log(session),
        }


def signed(told: Mapping[str, Any], show: Show) -> dict[str, Any]:
    """The sheet with the show's signature over all else, as canonical JSON."""
    keys = Keys(show)
    bare = dict(told) | {"key": keys.fingerprint}
    return bare | {"signature": keys.sign(canonical(bare)).hex()}


def check(told: Mapping[str, Any], verify: Any) -> str:
    """Fingerprint of the key that signed a sheet. Raises OnelightError where it was changed."""
    bare = {name: value for name, value in told.items() if name != "signature"}
    try:
        return verify(canonical(bare), bytes.fromhex(str(told["signature"])))
    except (KeyError, ValueError) as error:
        raise OnelightError("The data sheet carries no signature.") from error


def _model(show: Show, version: ModelVersion) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": f"{show.name}/{version.tool}@{version.name}",
        "tool": version.tool,
        "state": version.state,
        "gain": version.gain,
        "created": version.created.isoformat(timespec="seconds"),
        "digest": version.digest,
    }
    try:
        checked = versions.verify(show, version.tool, version.name)
    except OnelightError as error:
        clips = [{"name": clip.name, "digest": clip.digest, "rights": ""} for clip in version.clips]
        return told | {"problem": str(error), "base": "", "clips": clips, "gains": [], "pairs": []}
    base = checked.manifest.get("base")
    metrics = checked.manifest.get("metrics") or {}
    return told | {
        "problem": "",
        "signer": checked.signer,
        "base": f"{base['show']}/{version.tool}@{base['version']}" if base else "",
        "base_show": base["show"] if base else "",
        "base_version": base["version"] if base else "",
        "clips": [dict(clip) for clip in checked.manifest["clips"]],
        "gains": list(_gains(metrics)),
        "pairs": list(_pairs_of(checked.manifest.get("training"))),
    }


def _gains(metrics: Any) -> Iterable[dict[str, Any]]:
    rows = metrics.get("against", []) if isinstance(metrics, Mapping) else []
    for row in rows:
        if isinstance(row, Mapping) and row.get("baseline") == "base" and row.get("condition", "all") == "all":
            yield {name: row.get(name) for name in ("kind", "split", "metric", "gain", "low", "high")}


def _pairs_of(training: Any) -> Iterable[dict[str, Any]]:
    """What artists made that a model learnt from, with whose it is."""
    pairs = training.get("pairs", []) if isinstance(training, Mapping) else []
    for pair in pairs:
        yield {
            "name": pair["name"],
            "frames": pair["frames"],
            "digest": pair["after"]["digest"],
            "made_by": pair["made_by"],
            "owner": pair["rights"]["owner"],
            "basis": pair["rights"]["basis"],
            "rights": pair["rights"]["digest"],
        }


def _pairs(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pairs of all models, each once, with the models that learnt from it."""
    out: dict[tuple[str, ...], dict[str, Any]] = {}
    for model in models:
        for pair in model["pairs"]:
            key = tuple(str(pair[name]) for name in ("digest", "frames", "rights"))
            out.setdefault(key, {**pair, "models": []})["models"].append(model["name"])
    return list(out.values())


def _reservations(clips: list[Clip]) -> dict[str, Any]:
    gone = [clip for clip in clips if clip.withdrawn is not None]
    return {
        "measure": "nothing is learnt from a clip without a statement of rights that allows training; statements that "
        "have expired, and consents that do not cover training, count as none",
        "withdrawn": [
            {"name": clip.name, "on": clip.withdrawn.isoformat(timespec="seconds"), "why": clip.withdrawn_why}
            for clip in gone
            if clip.withdrawn
        ],
    }


def _kept_out(clips: list[Clip]) -> dict[str, int]:
    """Frames by the kind of what they show, which were kept out of training."""
    out: Counter[str] = Counter()
    for clip in clips:
        for span in clip.spans:
            if span.kind != "shot":
                out[span.kind] += span.last - span.first + 1
    return dict(sorted(out.items()))


def _processing(used: list[Clip]) -> dict[str, Any]:
    setups = {clip.setup.name for clip in used if clip.setup}
    return {"setups": len(setups), "held_out": "whole set-ups, never single frames"}


def _clip(clip: Clip) -> dict[str, Any]:
    return {
        "name": clip.name,
        "digest": clip.digest,
        "kind": clip.kind,
        "frames": sources.frames(clip),
        "size": [clip.width, clip.height],
        "camera": str(clip.camera.get("camera") or ""),
        "setup": clip.setup.name if clip.setup else "",
        "owner": clip.rights.owner if clip.rights else "",
        "rights": clip.rights.digest if clip.rights else "",
        "now": material.refusal(clip),
    }


def _log(session: Session) -> dict[str, Any]:
    """The log's state, and its entries on versions, withdrawals and keys."""
    try:
        count, problem = journal.check(session), ""
    except journal.BrokenJournal as error:
        count, problem = 0, str(error)
    entries = list(session.scalars(select(Entry).order_by(Entry.number)))
    return {
        "entries": count,
        "problem": problem,
        "head": entries[-1].hash if entries else "",
        "changes": [
            {"at": each.at, "who": each.who, "action": each.action, "subject": each.subject, "why": each.why}
            for each in entries
            if each.action.startswith(_LOGGED)
        ],
    }
