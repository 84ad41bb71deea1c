"""Rendered scenes on disk: one uncompressed .npz each, half floats, whole or not there at all."""

from __future__ import annotations

import errno
import hashlib
import os
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from onelight.errors import ImageError
from onelight.soundstage.mesh import Floats

SINGLE = ("depth", "lights", "softness")  # kept as float32; everything else as float16
HALF_MAX = 65504.0


@dataclass(frozen=True)
class Scene:
    """The passes of a scene, float32, linear; S its size in pixels, L the number of its key lights.

    A picture under key i with ambient a is keys[i] × k + ambient × a. Directions are in camera space: x right,
    y up, z towards the camera.
    """

    normals: Floats  # [S, S, 3]; 0 where nothing is
    depth: Floats  # [S, S] metres along the camera's axis; 0 where nothing is
    albedo: Floats  # [S, S, 3] base colour
    motion: Floats  # [S, S, 2] pixels to where it is in the next frame: x right, y down
    matte: Floats  # [S, S] coverage by the subject; in rooms and exteriors by all that is not sky
    sky: Floats  # [S, S] coverage by open sky
    keys: Floats  # [L, S, S, 3] each key alone; a white Lambertian that faces it has radiance 1; bounces included
    unshadowed: Floats  # [L, S, S] mean of the channels of what each key alone gives at once where nothing hides it
    ambient: Floats  # [S, S, 3] a white dome of radiance 1 alone
    lights: Floats  # [L, 3] unit vectors to the lights
    softness: Floats  # [L] angular diameters, degrees

    @classmethod
    def load(cls, path: Path | str) -> Scene:
        """Read a scene. Raises ImageError naming the file where it is missing, cut short or not a scene."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {field.name: archive[field.name].astype(np.float32) for field in fields(cls)}
        except KeyError as error:
            raise ImageError(f"{path} is not a rendered scene: it has no array {error}") from error
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ImageError(f"{path} cannot be read as a rendered scene ({error})") from error
        size, lights = arrays["depth"].shape[0], len(arrays["lights"])
        for name, shape in shapes(size, lights).items():
            if arrays[name].shape != shape:
                raise ImageError(f"{path}: {name} has the shape {arrays[name].shape}, but {shape} was expected")
        return cls(**arrays)

    def save(self, path: Path) -> str:
        """Write the scene so that the file appears whole or not at all; returns its SHA-256. Raises ImageError."""
        arrays: dict[str, Any] = {}
        for field in fields(self):
            values = getattr(self, field.name)
            half = np.clip(values, -HALF_MAX, HALF_MAX).astype(np.float16)
            arrays[field.name] = np.asarray(values, np.float32) if field.name in SINGLE else half
        part = path.with_name(f".{path.stem}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
                file.flush()
                os.fsync(file.fileno())
            digest = sha256(part)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror
            raise ImageError(f"{path} cannot be written: {why}") from error
        except BaseException:  # Ctrl-C too must not leave a part of a scene behind
            part.unlink(missing_ok=True)
            raise
        return digest


def shapes(size: int, lights: int) -> dict[str, tuple[int, ...]]:
    """The shape of each array of a scene."""
    square = (size, size)
    three = (*square, 3)
    return {
        "normals": three,
        "depth": square,
        "albedo": three,
        "motion": (*square, 2),
        "matte": square,
        "sky": square,
        "keys": (lights, *three),
        "unshadowed": (lights, *square),
        "ambient": three,
        "lights": (lights, 3),
        "softness": (lights,),
    }


def sha256(path: Path) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def whole(path: Path, size: int, lights: int) -> bool:
    """Whether a scene of that size is there, complete and undamaged (the archive's checksums are read)."""
    if not path.is_file():
        return False
    try:
        scene = Scene.load(path)
    except ImageError:
        return False
    return scene.depth.shape == (size, size) and len(scene.lights) == lights
