"""A clip's spans out of what was seen of it: its shots, and what has to be kept out of training, with the reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from onelight.colour import Colour
from onelight.dailies import baked, dissolves, matte, shots, text
from onelight.dailies.finding import Found
from onelight.dailies.survey import EVERY, Survey
from onelight.shows.schema import Span

HELD = 2  # closer looks at which a clapper board has to be seen: one may be anything striped
GAP = 4 * EVERY  # frames between two looks that are of one slate: it is turned away while it claps
MARGIN = 2  # pixels left around lettering, in the size of the samples


def of(seen: Survey, found: Found, space: str) -> list[Span]:
    """Every span of the clip in order of kind."""
    numbers = seen.numbers
    runs, flashes = shots.shots(seen.small, seen.level)
    mixes = dissolves.dissolves(seen.small, [first for first, _ in runs])
    for first, last in mixes:  # the shot changes where both have an equal share
        runs = [part for run in runs for part in _cut(run, (first + last + 1) // 2)]
    out = [_span("shot", numbers[a], numbers[b]) for a, b in runs]
    out += [_span("flash", numbers[a], numbers[b]) for a, b in flashes]
    out += [_span("dissolve", numbers[a], numbers[b]) for a, b in mixes]
    out += [_span("missing", first, last) for first, last in found.missing]
    least = 1 if found.kind == "still" else 2
    out += [_span("bars", numbers[a], numbers[b]) for a, b in _runs(seen.bars) if b - a + 1 >= least]
    out += [_span("blank", numbers[a], numbers[b]) for a, b in _runs(seen.blank)]
    out += _slates(seen, [(numbers[a], numbers[b]) for a, b in runs], found.kind)
    empty = {number for span in out if span.kind in ("bars", "blank", "slate") for number in _numbers(span)}
    samples = {number: picture for number, picture in seen.samples.items() if number not in empty}
    return out + _on_picture(seen, samples, space)


def _on_picture(seen: Survey, samples: dict[int, np.ndarray], space: str) -> list[Span]:
    """What lies over the whole clip: borders, lettering, a look."""
    first, last = seen.numbers[0], seen.numbers[-1]
    colour = Colour.of(space or "rec1886")
    screens = {
        number: np.sqrt(np.clip(colour.to_working(picture), 0, 1)) if colour.linear else picture
        for number, picture in samples.items()
    }
    out: list[Span] = []
    scale = seen.width / next(iter(samples.values())).shape[1] if samples else 1.0
    box = matte.picture_box(screens)
    if box is not None:
        x1, y1, x2, y2 = (value * scale for value in box)
        inside = [math.ceil(x1), math.ceil(y1), math.floor(x2), math.floor(y2)]
        out.append(_span("letterbox", first, last, box=inside))
    boxes = [
        [
            max(0, math.floor((x1 - MARGIN) * scale)),
            max(0, math.floor((y1 - MARGIN) * scale)),
            min(seen.width, math.ceil((x2 + MARGIN) * scale)),
            min(seen.height, math.ceil((y2 + MARGIN) * scale)),
        ]
        for x1, y1, x2, y2 in text.burn_ins(screens)
    ]
    if boxes:
        out.append(_span("burn_in", first, last, boxes=boxes))
    if why := baked.why(samples, space, box):
        out.append(_span("baked_look", first, last, why=why))
    return out


def _slates(seen: Survey, runs: list[tuple[int, int]], kind: str) -> list[Span]:
    """Clapper boards from one closer look to the next; written cards as the whole shot that they are."""
    out: list[Span] = []
    groups: list[list[int]] = []
    for number in seen.slates:
        if groups and number - groups[-1][-1] <= GAP:
            groups[-1].append(number)
        else:
            groups.append([number])
    for group in groups:
        if len(group) >= HELD or kind == "still":
            first, last = max(seen.numbers[0], group[0] - EVERY), min(seen.numbers[-1], group[-1] + EVERY)
            out.append(_span("slate", first, last, shows="clapper board"))
    for first, last in runs:
        if any(first <= number <= last for number in seen.cards):
            out.append(_span("slate", first, last, shows="written card"))
    return out


def _cut(run: tuple[int, int], at: int) -> list[tuple[int, int]]:
    return [(run[0], at - 1), (at, run[1])] if run[0] < at <= run[1] else [run]


def _runs(flags: Sequence[bool]) -> list[tuple[int, int]]:
    bounds = np.flatnonzero(np.diff(np.array([0, *flags, 0], np.int8)))
    return [(int(a), int(b) - 1) for a, b in bounds.reshape(-1, 2)]


def _numbers(span: Span) -> range:
    return range(span.first, span.last + 1)


def _span(kind: str, first: int, last: int, **told: object) -> Span:
    return Span(kind=kind, first=first, last=last, told=told)
