"""What Cleanup learns from a show: wires pasted on its own frames, beside the scenes that the base learnt from.

Nobody has to mark anything: where the pasted wires are is known. Where artists' pairs are given, half of the show's
crops are of those. Frames are scene-linear ACEScg float32 [H, W, 3].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from onelight.stages import Session
from onelight.temporal import encode
from onelight.temporal.grain import Grain
from onelight.tools.cleanup import artist, cases, clutter, detect, footage, losses, measured, pairs, ridge, score
from onelight.tools.cleanup.cleaned import Shot, drawn
from onelight.tools.cleanup.leaves import Footage
from onelight.tools.cleanup.losses import Look
from onelight.tools.cleanup.model import Detector
from onelight.tools.cleanup.wires import Wire, paste
from onelight.training.course import Course
from onelight.training.feed import tensors
from onelight.training.settings import Settings

# A tenth to a quarter of the base's rate, and a quarter of the way: what the base knows is moved, not made anew.
SETTINGS = Settings(
    1,
    8,
    6e-4,
    warmup=20,
    weight_decay=1e-3,
    ema=0.98,
    seed=20261121,
    settled=True,
    taken=0.25,
    checkpoint_every=25,
    validate_every=50,
)
SIZE, SPAN = 288, 1  # pixels a side of what is kept of a frame, and frames of one crop
STEP, FAR = 1, 0.0  # frames apart; pixels as they are
SHOT_SIZE, SHOT_FRAMES, SHOT_WHOLE = (240, 320), footage.FRAMES, False  # of held-out shots: as the camera saw them
REPLAYED = 0.5  # share of each batch that comes from the soundstage, so that nothing is forgotten
PAIRED = 0.5  # share of the show's crops that come from artists' pairs, where there are any
MOST = 600  # steps: after 1,000 held-out wires were found less well than after 300
NATIVE = 0.7  # share of crops as the camera took them; the rest is seen smaller, as in a proxy
SURE = 0.5  # what the base takes for wire in an untouched frame may be one: it is neither taught nor taught away
LEAVES = 48  # dead-leaves pictures among what is replayed
WATCHED = 32  # crops
GAIN, UNIT = "F1", "F1"  # the score whose rise is told while it learns
RACED = GAIN
HEADLINE = "cleaned_psnr"
METHODS = {
    "model": "the version under test",
    "base": "the version that it began with",
    "classical": "Cleanup without networks",
    "nothing": "the plate as it is",
}
Arrays = Mapping[str, np.ndarray]
Random = np.random.Generator


def network() -> torch.nn.Module:
    """The network, untrained."""
    return Detector()


def kept(frames: np.ndarray, base: torch.nn.Module) -> dict[str, np.ndarray]:
    """What a training keeps of a crop [SPAN, SIZE, SIZE, 3]: the frame, fresh grain of its kind, what may be wire."""
    frame = np.maximum(frames[0].astype(np.float32), 0)
    level = encode.middle(frame)
    stops = ridge.stops_of(frame, level)
    seen = {
        "picture": detect.coded(frame, level),
        "hand": detect.hand(stops),
        "motion": detect.motion(None, frame.shape),
    }
    with torch.no_grad():
        said = base.eval()(*tensors({name: image[None] for name, image in seen.items()}).values())
    found = torch.sigmoid(said[0][0, 0]).numpy()
    near = cv2.dilate((found > SURE).astype(np.float32), np.ones((9, 9), np.uint8))
    relative = frame / np.float32(level)
    bright = encode.luminance(relative)
    grain = Grain.measure([relative]).field(bright.shape, 1, bright)
    return {
        "frame": np.minimum(relative, 6e4),
        "grain": np.clip(np.nan_to_num(grain), -100, 100),
        "maybe": near[..., None],
    }


def course(
    show: Arrays,
    scenes: Arrays,
    taught: np.ndarray,
    held: np.ndarray,
    settings: Settings,
    paired: Arrays | None = None,
) -> Course:
    """Batches, loss and validation: `taught` and `held` are rows of the show's crops, by their set-ups.

    `scenes` are rows as `pairs.read` gives them, `paired` rows of artists' pairs as `artist.kept` does.
    """
    rows = np.arange(len(scenes["lit"]))
    leaves = clutter.library(LEAVES, pairs.LEAVES, settings.seed)
    random = np.random.default_rng([settings.seed, 1])
    watched = tensors(stacked([pasted(show, held, random) for _ in range(WATCHED)]))

    def batch_of(random: Random, step: int) -> dict[str, Tensor]:
        replayed = round(REPLAYED * settings.batch)
        own = settings.batch - replayed
        told = [] if paired is None else [_of_artists(paired, random) for _ in range(round(PAIRED * own))]
        made = told + [pasted(show, taught, random) for _ in range(own - len(told))]
        made += [pairs.sample(scenes, rows, leaves, random) for _ in range(replayed)]
        return tensors(stacked(made))

    def validate(model: torch.nn.Module) -> dict[str, float]:
        return losses.scores(losses.answer(model, watched), watched)

    return Course(batch_of, loss_of, validate)


def replay(path: Path) -> dict[str, np.ndarray]:
    """A scene of the soundstage as what a training keeps of it."""
    return pairs.read(path)


def loss_of(look: Look, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weighted sum, and its parts."""
    parts = losses.losses(losses.answer(look, batch), batch)
    return {"loss": torch.stack([losses.WEIGHTS[name] * value for name, value in parts.items()]).sum(), **parts}


def stacked(made: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Crops as a batch."""
    return {name: np.stack([one[name] for one in made]) for name in made[0]}


def pasted(show: Arrays, rows: np.ndarray, random: Random) -> dict[str, np.ndarray]:
    """One crop of the show with wires, as `pairs.sample` makes them of rendered grounds.

    The frame has its own grain and lens; only what covers it gets grain, of the kind that was measured on the frame.
    """
    ground, grain, maybe = _turned(show, int(random.choice(rows)), random)
    wires = [_wire(random) for _ in range(random.choice(4, p=[0.3, 0.4, 0.2, 0.1]))]
    over = paste(ground, wires, float(random.uniform(0, 24)))
    before, after = (np.maximum(encode.luminance(picture), 1e-3) for picture in (ground, over.picture))
    own = grain * np.sqrt(after / before)[..., None]  # a sensor's noise grows with the square root of its light
    picture = over.picture + np.clip(own, -1, 1) * over.matte[..., None]
    level = encode.middle(ground) * 2.0 ** random.normal(0, 0.7)
    stops, clean = (ridge.stops_of(image, level) for image in (picture, ground))
    noise = float(np.median(np.abs(grain)) / 0.6745 / np.log(2))
    smooth = ridge.stops_of(over.picture, level)
    weight = pairs.counting(over, np.abs(smooth - clean), noise) * np.where(over.stroke > 0.05, 1, 1 - maybe)
    return {
        "picture": detect.coded(picture, level),
        "hand": detect.hand(stops),
        "motion": detect.motion(pairs.residual(stops, clean, random), stops.shape),
        "stroke": over.stroke[..., None],
        "width": np.log2(np.maximum(over.width, 0.25))[..., None],
        "along": over.along,
        "weight": weight[..., None].astype(np.float32),
    }


def _of_artists(paired: Arrays, random: Random) -> dict[str, np.ndarray]:
    return artist.lesson(paired, random, pairs.CROP, NATIVE)


def _turned(show: Arrays, row: int, random: Random) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A part of the frame, of the grain and of what may be wire, turned and mirrored; at the network's crop size."""
    size = show["frame"].shape[1]
    side = pairs.CROP if random.random() < NATIVE else int(random.integers(pairs.CROP, size + 1))
    top, left = random.integers(0, size - side + 1, 2)
    quarters, mirrored = int(random.integers(4)), int(random.choice([-1, 1]))
    out = []
    for name in ("frame", "grain", "maybe"):
        part = np.rot90(show[name][row, top : top + side, left : left + side], quarters)[:, ::mirrored]
        part = np.ascontiguousarray(part, np.float32)
        if side != pairs.CROP:
            part = cv2.resize(part, (pairs.CROP, pairs.CROP), interpolation=cv2.INTER_AREA)
        out.append(part[..., 0] if part.ndim == 3 and part.shape[2] == 1 else part)
    ground, grain, maybe = out
    return np.maximum(ground, 1e-4), grain * np.float32(pairs.CROP / side), maybe


def _wire(random: Random) -> Wire:
    low, high = pairs.WIDTHS[random.choice(len(pairs.WIDTHS), p=[0.15, 0.7, 0.15])]
    contrast = float(random.choice(pairs.CONTRASTS))
    return Wire.draw(random, (pairs.CROP, pairs.CROP), width=(low, high), contrast=contrast)


def measure(
    shots: Mapping[str, Sequence[np.ndarray]],
    sessions: Mapping[str, Session | None],
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[dict[str, Any]]:
    """Scores on shots of held-out set-ups [SHOT_FRAMES of SHOT_SIZE], wires pasted on them as `cases.pasted` does.

    `sessions` are versions by the method's name (of METHODS; None: no networks). Rows {case, scene, split, width,
    contrast, motion, method, metric, value}; `scene` is the shot's name.

    `f1` is as in `evaluate`; `cleaned_psnr` (dB) is of whole frames that were
    cleaned with nothing said by hand, against the frames without wires, so that a wire that was missed, a bad fill and
    a false alarm all cost what they are worth. Regrain is off for it, for new grain is not meant to be the old one.
    """
    clips = [
        footage.Clip(name, "show", "real", lambda frames=frames: _footage(frames)) for name, frames in shots.items()
    ]
    rows: list[dict[str, Any]] = []
    works = cases.pasted(clips)
    for done, work in enumerate(works, 1):
        case = work.load()
        told = {"case": work.name, "scene": case.scene, "split": "show", **case.labels}
        for method, session in sessions.items():
            values = (
                _cleaned(case, session) if method != "nothing" else {HEADLINE: _psnr(case, case.plates[case.tested[0]])}
            )
            rows += [{**told, "method": method, "metric": name, "value": value} for name, value in values.items()]
        progress("Scoring on held-out set-ups", done, len(works))
    return rows


def _footage(frames: Sequence[np.ndarray]) -> Footage:
    frames = [np.maximum(np.asarray(frame, np.float32), 0) for frame in frames]
    return Footage(tuple(frames), tuple(footage.estimated(frames)))


def _cleaned(case: cases.Case, session: Session | None) -> dict[str, float]:
    """The scores of the first of the case's frames; neighbours as near as finding takes them."""
    frame = case.tested[0]
    done = Shot(case.plates, session, knobs=measured.FINDING).clean(frame)
    lines, points = case.lines[frame], drawn(done.curves)
    height, width = case.plates[frame].shape[:2]
    points = points[(points >= 0).all(axis=1) & (points < (width, height)).all(axis=1)]
    found = score.detected(points, lines.points, lines.visible)
    return {HEADLINE: _psnr(case, done.output(regrain=0.0)), "f1": found.f1}


def _psnr(case: cases.Case, picture: np.ndarray) -> float:
    truth = case.truths[case.tested[0]]
    return score.psnr(np.nan_to_num(picture, posinf=0.0, neginf=0.0), truth, np.ones(truth.shape[:2], bool))
