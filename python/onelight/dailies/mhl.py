"""ASC MHL hash lists: a clip is checked against its folder's; where there is none, one is written into the show.

Written and read by the ascmhl library. The folders of the originals are only read.
"""

from __future__ import annotations

import os
import platform
import shutil
import uuid
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ascmhl import chain_xml_parser
from ascmhl.__version__ import ascmhl_chainfile_name, ascmhl_folder_name
from ascmhl.chain import MHLChain
from ascmhl.hashlist import MHLCreatorInfo, MHLHashEntry, MHLHashList, MHLMediaHash, MHLProcess, MHLProcessInfo, MHLTool
from ascmhl.history import MHLHistory
from ascmhl.utils import datetime_now_isostring
from click import ClickException
from lxml.etree import XMLSyntaxError

from onelight.dailies import files
from onelight.errors import ImageError
from onelight.shows.files import below
from onelight.shows.places import Places


@dataclass(frozen=True)
class Known:
    """What the hash list of a folder above a file has of it: hashes by format, empty where it is not listed."""

    folder: Path
    hashes: dict[str, str]


def known(file: Path) -> Known | None:
    """What the nearest hash list above a file says of it; None without one. Raises ImageError naming a broken list."""
    for folder in file.absolute().parents:
        if (folder / ascmhl_folder_name).is_dir():
            history = _history(folder)
            own, relative = history.find_history_for_path(str(file.absolute().relative_to(folder)))
            hashes: dict[str, str] = {}
            for one in own.hash_lists:
                media = one.find_media_hash_for_path(relative)
                for entry in media.hash_entries if media else ():
                    if entry.action != "failed":
                        hashes.setdefault(entry.hash_format, entry.hash_string)
            return Known(folder, hashes)
    return None


def told(file: Path) -> dict[str, Any]:
    """As `files.told`, checked against the hash list; "mhl" says 'verified', 'unlisted' or 'none'.

    Raises ImageError naming the file where it differs from its hash list.
    """
    listed = known(file)
    result = files.told(file, listed.hashes if listed else ())
    for form, expected in (listed.hashes if listed else {}).items():
        if result[form] != expected:
            raise ImageError(
                f"{file} is not as its hash list in {listed.folder if listed else ''} says: {form} {expected} was "
                f"expected, it is {result[form]}. Copy it again from the camera original."
            )
    state = "none" if listed is None else "verified" if listed.hashes else "unlisted"
    return {**{name: result[name] for name in ("size", "quick", files.WHOLE)}, "mhl": state}


def write(places: Places, digest: str, clip_folder: Path, listed: dict[str, dict[str, Any]]) -> Path:
    """Writes a hash list of a clip's files into the show: `hashes/DIGEST/ascmhl`, as it would lie beside them.

    Copied beside the originals it is a history that ASC MHL's own tools verify. Whole or not at all; written again
    it takes the place of the one before. Raises OSError.
    """
    final = places.folder / "hashes" / digest[:16]
    final.parent.mkdir(exist_ok=True)
    part = places.cache / f"hashes-{uuid.uuid4().hex}"  # what a power cut leaves of it lies where it may be swept
    # The library names a list after the folder that it describes.
    described = part / clip_folder.name
    below(places.folder, places.cache.name, part.name, described.name, ascmhl_folder_name)
    try:
        _write(described, listed)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(described, final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return final


def _write(folder: Path, listed: dict[str, dict[str, Any]]) -> None:
    history = MHLHistory()
    history.asc_mhl_path = str(folder / ascmhl_folder_name)
    hash_list = MHLHashList()
    for name, one in listed.items():
        media = MHLMediaHash()
        media.path, media.file_size = name, one["size"]
        media.append_hash_entry(MHLHashEntry(files.WHOLE, one[files.WHOLE], "original"))
        hash_list.append_hash(media)
    creator = MHLCreatorInfo()
    creator.tool = MHLTool("onelight", version("onelight"))
    creator.creation_date, creator.host_name = datetime_now_isostring(), platform.node()
    hash_list.creator_info = creator
    process = MHLProcessInfo()
    process.process = MHLProcess("in-place")
    hash_list.process_info = process
    history.write_new_generation(hash_list)
    chain_xml_parser.write_chain(MHLChain(str(folder / ascmhl_folder_name / ascmhl_chainfile_name)), hash_list)


@cache
def _history(folder: Path) -> MHLHistory:
    try:
        return MHLHistory.load_from_path(str(folder))
    except ClickException as error:
        raise ImageError(f"The hash lists of {folder} cannot be trusted: {error.message}.") from error
    except (XMLSyntaxError, OSError, ValueError, AttributeError) as error:
        # The library meets a list that is well-formed but no hash list with an AttributeError.
        raise ImageError(f"The hash lists of {folder} cannot be read: {error}.") from error
