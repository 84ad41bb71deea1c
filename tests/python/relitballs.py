"""A ball under known lamps, as a scene and as photographs of objects; `onelight evaluate relight` asked about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from onelight.cli.app import app
from onelight.images import Frame, write_frame
from onelight.soundstage.scenes import Scene
from typer.testing import CliRunner

SIZE = 96
LIGHTS = np.array([[0.6, 0.3, 0.74], [-0.7, 0.2, 0.68], [0.1, 0.7, 0.7], [0.2, -0.1, -0.97]])
LIGHTS = (LIGHTS / np.linalg.norm(LIGHTS, axis=1, keepdims=True)).astype(np.float32)


def ball(turn: float = 0.0) -> Scene:
    """A painted Lambertian ball alone in the dark, under four lamps; `turn` moves it to the right, pixels."""
    y, x = (np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) - SIZE / 2) / (SIZE * 0.4)
    x = x - np.float32(turn / (SIZE * 0.4))
    inside = x * x + y * y < 1
    z = np.sqrt(np.maximum(1 - x * x - y * y, 0))
    normals = np.where(inside[..., None], np.dstack([x, -y, z]), 0).astype(np.float32)
    paint = 0.4 + 0.2 * np.sign(np.sin(7 * x) * np.sin(9 * y))
    albedo = (np.dstack([paint, paint * 0.8, paint * 0.6]) * inside[..., None]).astype(np.float32)
    keys = np.stack([albedo * np.maximum(normals @ towards, 0)[..., None] for towards in LIGHTS])
    motion = np.zeros((SIZE, SIZE, 2), np.float32)
    motion[..., 0] = 1.0
    matte = inside.astype(np.float32)
    return Scene(
        normals=normals,
        depth=(5 - z) * matte,
        albedo=albedo,
        motion=motion,
        matte=matte,
        sky=np.zeros_like(matte),
        keys=keys,
        unshadowed=keys.mean(axis=-1),
        ambient=albedo,
        lights=LIGHTS,
        softness=np.full(4, 0.5, np.float32),
    )


def photographed(tmp_path: Path) -> Path:
    """Two objects: a ball as OpenEXR from 00, with a mask, and half of it as 16-bit PNG from 01, without."""
    scene = ball()
    for name in ("ball", "half"):
        folder = tmp_path / "cases" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "lights.txt", LIGHTS[:3] * (2.5 if name == "half" else 1))  # their length says nothing
        for number, key in enumerate(scene.keys[:3]):
            pixels = key + np.float32(0.02) * scene.ambient
            if name == "ball":
                rgba = np.dstack([pixels, np.ones((SIZE, SIZE), np.float32)])
                write_frame(folder / f"light.{number:02d}.exr", Frame.of(rgba), rgba)
            else:
                part = pixels[24:72, 24:72, ::-1]
                cv2.imwrite(str(folder / f"light.{number + 1:02d}.png"), np.round(part * 65535).astype(np.uint16))
    cv2.imwrite(str(tmp_path / "cases" / "ball" / "mask.png"), (scene.matte * 255).astype(np.uint8))
    return tmp_path / "cases"


def evaluate(*words: object) -> Any:
    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["evaluate", "relight", *map(str, words)])


def rows_of(*words: object) -> list[dict[str, Any]]:
    done = evaluate("--json", *words)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["rows"]
