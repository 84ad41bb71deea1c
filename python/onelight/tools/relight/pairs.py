"""How rendered scenes become training pairs: a picture under one light, its surface, and the same under another light.

Pictures are linear ACEScg; directions x right, y up, z to camera; images [height, width, channels].
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from onelight.colour import LUMINANCE
from onelight.errors import RequestError
from onelight.tools.relight import geometry, network
from onelight.tools.relight.network import coded, inflated

Images = dict[str, np.ndarray]
EDITION = "pictures 4"  # another one where the same seed draws other pictures: a training goes on with its own only
GRAZED = 0.002  # of a white thing that faces the key: what gives back less is no measure of a reach
UNTOLD = 8.0  # for the reach there: beyond 1 in its halved pixel as well
NOTHING = 0.015  # albedo: things are less dark than that, but for where there is none
HALF = "_half"  # arrays that are kept at half the size as well, for the level that sees the whole
LAST = (
    "normals",
    "albedo",
    "ambient",
    "matte",
    "depth",
    "openness",
)  # [h, w(, c)]; keys and reach are [light, h, w(, 3)]


def read(path: Path) -> Images:
    """One scene of the soundstage as the record that training keeps, float16, everything whole and at half the size."""
    with np.load(path) as scene:
        if "unshadowed" not in scene.files:
            raise RequestError(f"{path} was rendered before scenes had the pass 'unshadowed': render it again.")
        named = ("normals", "albedo", "keys", "unshadowed", "ambient", "matte", "depth", "lights", "softness")
        record = {name: scene[name].astype(np.float32) for name in named}
    record["matte"], record["depth"] = record["matte"][..., None], record["depth"][..., None]
    record["depth"] = _affine(record["depth"], np.abs(record["normals"]).sum(axis=-1, keepdims=True) > 0)
    albedo = np.maximum(record["albedo"] @ LUMINANCE, 0.01)
    record["openness"] = np.clip(record["ambient"] @ LUMINANCE / albedo, 0, 1)[..., None]
    whole = np.maximum(record.pop("unshadowed"), GRAZED)
    record["reach"] = np.clip(record["keys"].mean(axis=-1) / whole, 0, 1)[..., None]
    record["reach"][whole <= GRAZED] = UNTOLD  # as on metal, off its highlight: what is seen there is bounced light
    for name in (*LAST, "keys", "reach"):
        record[name + HALF] = _halved(record[name])
    covered = np.linalg.norm(record["normals" + HALF], axis=-1, keepdims=True)
    record["normals" + HALF] *= (covered > 0.6) / np.maximum(covered, 1e-6)
    record["inflated"] = inflated(record["matte" + HALF][..., 0])
    return {name: value.astype(np.float32 if value.ndim < 3 else np.float16) for name, value in record.items()}


def _halved(image: np.ndarray) -> np.ndarray:
    *lights, height, width, channels = image.shape
    return image.reshape(*lights, height // 2, 2, width // 2, 2, channels).mean(axis=(-4, -2))


def _affine(depth: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """log depth less its median, over its mean deviation; 0 where nothing is.

    Where an outline covers a pixel but not its middle no depth was found (0): those count as the median.
    """
    out, covered = np.zeros_like(depth), covered & (depth > 0)
    if covered.any():
        value = np.log(depth[covered])
        value -= np.median(value)
        out[covered] = np.clip(value / max(float(np.abs(value).mean()), 1e-3), -6, 6)
    return out


class Pair(NamedTuple):
    """What is drawn for one record before its pictures are made; the same at both sizes."""

    row: int
    paint: int | None  # whose colours it wears
    plain: np.ndarray | None  # [3] the one colour that it wears all over
    mirrored: bool
    quarters: int
    first: int  # its key
    second: int  # the key of the target
    lamp: tuple[int, float] | None  # another lamp that nobody names, and its level
    fill: float
    tints: np.ndarray  # [2, 3]: key, fill
    channels: np.ndarray | None  # order of the channels; None: grey
    noise: float
    exposure: float  # gain on the level of the plate's middle
    light: np.ndarray  # [4] the hint
    asks_second: bool  # which key's reach is asked for
    with_matte: bool
    with_inflation: bool


def draw(row: int, rows: np.ndarray, lights: np.ndarray, random: np.random.Generator) -> Pair:
    """A random pair of the scene in `row` with its `lights` [L, 3], dressed now and then as another of `rows`."""
    first, second, third = (int(v) for v in random.permutation(len(lights))[:3])
    dark = random.random() < 0.55  # an object under one lamp in a dark room; else a set with light all round
    fill = random.uniform(0, 0.06) if dark else float(np.exp(random.uniform(np.log(0.05), np.log(1.5))))
    tints = np.exp(random.normal(0, 0.15, (2, 3))).astype(np.float32)
    hint = np.zeros(4, np.float32)
    if random.random() < 0.85:
        aside = lights[first] + random.normal(0, 0.04, 3)
        hint[:3], hint[3] = aside / np.linalg.norm(aside), 1 / (1 + fill)
    with_matte = random.random() < 0.5
    wears = random.random()
    return Pair(
        row=row,
        paint=int(random.choice(rows)) if wears < 0.25 else None,
        plain=random.uniform(0.15, 0.85, 3).astype(np.float32) if wears > 0.85 else None,
        mirrored=random.random() < 0.5,
        quarters=int(random.integers(1, 4)) if random.random() < 0.2 else 0,
        first=first,
        second=second,
        lamp=(third, random.uniform(0, 0.35)) if not dark and random.random() < 0.2 else None,
        fill=fill,
        tints=tints / tints.mean(axis=1, keepdims=True),
        channels=None if random.random() < 0.25 else random.permutation(3) if random.random() < 0.3 else np.arange(3),
        noise=float(np.exp(random.uniform(np.log(3e-4), np.log(1.5e-2)))),
        exposure=2.0 ** random.normal(0, 0.5),
        light=hint,
        asks_second=random.random() < 0.6,
        with_matte=with_matte,
        with_inflation=with_matte and random.random() < 0.8,
    )


def images(
    arrays: Mapping[str, np.ndarray], pair: Pair, random: np.random.Generator, suffix: str, part: tuple[slice, slice]
) -> Images:
    """The pair's pictures and its truth at one size (`suffix` "" or HALF), float32; `part` is what is seen of it.

    picture (coded, with grain), linear and target (clean, under the two keys), matte (0 where withheld), normals,
    depth, openness, reach of both keys (reach, reach_new), where that of the one asked for can be told (reach_counts),
    covered.
    """

    def get(name: str, index: int | None = None, row: int = pair.row) -> np.ndarray:
        image = arrays[name + suffix][row] if index is None else arrays[name + suffix][row, index]
        return turned(image, pair)[part].astype(np.float32)

    ambient = get("ambient") * (pair.fill * pair.tints[1])
    linear, target = (get("keys", which) * pair.tints[0] + ambient for which in (pair.first, pair.second))
    if pair.lamp is not None:
        extra = get("keys", pair.lamp[0]) * np.float32(pair.lamp[1])
        linear, target = linear + extra, target + extra
    paint = pair.plain if pair.paint is None else get("albedo", row=pair.paint)
    if paint is not None:  # other paint upon the same surface; where the other scene shows nothing, it keeps its own
        gain = np.clip((paint + np.float32(0.03)) / (get("albedo") + np.float32(0.1)), 0.05, 8)
        gain = np.where(paint.max(axis=-1, keepdims=True) > NOTHING, gain, 1)
        linear, target = linear * gain, target * gain
    if pair.channels is None:
        linear, target = (cv2.merge([cv2.transform(image, LUMINANCE[None])] * 3) for image in (linear, target))
    else:
        linear, target = linear[..., pair.channels], target[..., pair.channels]
    normals = directed(get("normals"), pair)
    covered = (np.abs(normals).sum(axis=-1, keepdims=True) > 0.5).astype(np.float32)
    asked = pair.second if pair.asks_second else pair.first
    facing = normals @ directed(arrays["lights"][pair.row, asked], pair)
    reaches = [get("reach", which) for which in (pair.first, pair.second)]
    told = reaches[pair.asks_second] <= 1
    return {
        "linear": linear,
        "target": target,
        "picture": _photographed(linear, pair, random),
        "matte": get("matte") * 2 - 1 if pair.with_matte else np.zeros_like(covered),
        "normals": normals,
        "depth": get("depth"),
        "openness": get("openness"),
        "reach": np.minimum(reaches[0], 1),
        "reach_new": np.minimum(reaches[1], 1),
        "reach_counts": covered * (facing > 0.1)[..., None] * told,
        "covered": covered,
    }


def _photographed(linear: np.ndarray, pair: Pair, random: np.random.Generator) -> np.ndarray:
    """Scene-linear with the grain of a sensor."""
    peak = np.float32(max(float(np.quantile(linear[::4, ::4], 0.98)), 1e-4))
    grain = random.standard_normal(linear.shape, np.float32) * (np.float32(pair.noise) * peak)
    return linear + grain * np.sqrt(np.maximum(linear, 0) / peak + np.float32(0.02))


def encode(pictures: list[np.ndarray], pair: Pair) -> list[np.ndarray]:
    """Pictures of the same plate as the network sees them: coded over the middle level of the first."""
    level = geometry.middle(cv2.transform(np.maximum(pictures[0], 0), LUMINANCE[None])) * pair.exposure
    return [coded(picture * np.float32(1 / level)) for picture in pictures]


def turned(image: np.ndarray, pair: Pair) -> np.ndarray:
    """An image mirrored and turned by quarters (counter-clockwise) as the pair says; a view."""
    image = image[:, ::-1] if pair.mirrored else image
    return np.rot90(image, pair.quarters)


def directed(vectors: np.ndarray, pair: Pair) -> np.ndarray:
    """Directions [..., 3 or more] mirrored and turned with the image."""
    out = vectors.astype(np.float32)
    if pair.mirrored:
        out[..., 0] *= -1
    angle = pair.quarters * np.pi / 2
    if pair.quarters:
        x, y = out[..., 0].copy(), out[..., 1].copy()
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        out[..., 0], out[..., 1] = x * cosine - y * sine, x * sine + y * cosine
    return out


def compose(
    arrays: Mapping[str, np.ndarray], rows: np.ndarray, count: int, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """A batch of `count` pairs: whole at half the size, and a part of it closely, as wide.

    Names "coarse.*" and "fine.*" as of `images` [count, h, w, c]; light and asked [count, 4], asks_second [count],
    lights [count, 2, 3], fill [count], inflated [count, h, w, 3], corner [2]: row and column of the part at full size.
    """
    out: dict[str, list[np.ndarray]] = {}
    size = arrays["inflated"].shape[1]
    corner = 2 * random.integers(0, size // 2 + 1, 2)
    part = (slice(corner[0], corner[0] + size), slice(corner[1], corner[1] + size))
    for row in random.choice(rows, count, replace=len(rows) < count):
        pair = draw(int(row), rows, arrays["lights"][row], random)
        coarse = images(arrays, pair, random, HALF, (slice(None), slice(None)))
        fine = images(arrays, pair, random, "", part)
        coarse["picture"], fine["picture"] = encode([coarse["picture"], fine["picture"]], pair)
        made = {f"coarse.{name}": value for name, value in coarse.items()}
        made |= {f"fine.{name}": value for name, value in fine.items()}
        made["inflated"] = directed(turned(arrays["inflated"][row], pair), pair) * np.float32(pair.with_inflation)
        made["light"], made["fill"] = directed(pair.light, pair), np.asarray(pair.fill, np.float32)
        asked = pair.second if pair.asks_second else pair.first
        spread = network.spread(float(arrays["softness"][row, asked]))
        made["asked"] = directed(np.array([*arrays["lights"][row, asked], spread]), pair)
        made["asks_second"] = np.asarray(pair.asks_second, np.float32)
        made["lights"] = np.stack([directed(arrays["lights"][row, index], pair) for index in (pair.first, pair.second)])
        for name, value in made.items():
            out.setdefault(name, []).append(value)
    return {"corner": corner, **{name: np.stack(values) for name, values in out.items()}}
