"""Numbers that know how sure they are: curves with intervals, their pooling over clips, and their way through JSON."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np

from onelight.errors import RequestError

WIDTH = 1.96  # standard errors in half a 95 % interval
DIGITS = 5  # significant ones that are kept: more would be noise


class Untold(Exception):
    """The footage cannot tell; `str()` says why, in a sentence for a cinematographer. Never leaves this package."""


@dataclass(frozen=True)
class Curve:
    """Values at places along an axis; `error` is half the width of each value's 95 % interval."""

    at: tuple[float, ...]
    value: tuple[float, ...]
    error: tuple[float, ...]

    @staticmethod
    def of(at: Any, value: Any, error: Any) -> Curve:
        """From any sequences of one length."""
        return Curve(plain(at), plain(value), plain(error))

    def __post_init__(self) -> None:
        if not len(self.at) == len(self.value) == len(self.error):
            raise RequestError("A curve of a look has as many values and errors as places; this one has not.")

    def read(self, where: float) -> float:
        """The value at a place, straight between neighbours and held at the ends."""
        return float(np.interp(where, self.at, self.value))

    def doubt(self, where: float) -> float:
        """Half the width of the 95 % interval at a place."""
        return float(np.interp(where, self.at, self.error))


def plain(values: Any) -> tuple[float, ...]:
    """Numbers as Python floats of a few significant digits, so that equal looks are equal text."""
    return tuple(float(f"{float(value):.{DIGITS}g}") for value in np.asarray(values, np.float64).ravel())


def pooled(values: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One value [k] and its error for several measurements [n, k] with their errors (half widths of 95 %).

    Random effects: what measurements differ by beyond their errors is taken for a true difference between clips and
    widens the interval (DerSimonian and Laird, Meta-analysis in clinical trials, 1986).
    """
    values, errors = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    if len(values) == 1:
        return values[0], errors[0]
    variance = np.maximum(errors / WIDTH, 1e-9) ** 2
    weight = 1 / variance
    total = weight.sum(axis=0)
    mean = (weight * values).sum(axis=0) / total
    excess = (weight * (values - mean) ** 2).sum(axis=0) - (len(values) - 1)
    between = np.maximum(excess / np.maximum(total - (weight**2).sum(axis=0) / total, 1e-300), 0)
    weight = 1 / (variance + between)
    return (weight * values).sum(axis=0) / weight.sum(axis=0), WIDTH / np.sqrt(weight.sum(axis=0))


def resampled(count: int, fit: Callable[[np.ndarray], np.ndarray], draws: int = 60) -> np.ndarray:
    """Half widths of the 95 % intervals of `fit(indices)` when the `count` things it is fitted to are drawn anew.

    The bootstrap (Efron 1979), seeded, so that a look is the same whenever it is measured.
    """
    random = np.random.default_rng(20200229)
    found = np.array([fit(random.integers(0, count, count)) for _ in range(draws)])
    return WIDTH * np.nanstd(found, axis=0, ddof=1)


def told(thing: Any) -> Any:
    """A measurement as what JSON knows."""
    if is_dataclass(thing) and not isinstance(thing, type):
        return {field.name: told(getattr(thing, field.name)) for field in fields(thing)}
    if isinstance(thing, dict):
        return {key: told(value) for key, value in thing.items()}
    return [told(value) for value in thing] if isinstance(thing, tuple | list) else thing


def untold(kind: Any, content: Any, where: str) -> Any:
    """The inverse of `told` for a type. RequestError names the place that is not as expected."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if content is None and type(None) in inner:
            return None
        return untold(next(one for one in inner if one is not type(None)), content, where)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        _expect(isinstance(content, dict) and set(content) == set(hints), where, f"the fields {', '.join(hints)}")
        return kind(**{name: untold(hints[name], content[name], f"{where}.{name}") for name in hints})
    if origin is tuple:
        _expect(isinstance(content, list), where, "a list")
        several = inner if len(inner) == len(content) and inner[-1] is not ... else (inner[0],) * len(content)
        _expect(inner[-1] is ... or len(content) == len(inner), where, f"{len(inner)} values")
        return tuple(untold(one, value, where) for one, value in zip(several, content, strict=True))
    if origin is dict:
        _expect(isinstance(content, dict), where, "names and values")
        return {str(key): untold(inner[1], value, f"{where}.{key}") for key, value in content.items()}
    if kind is float:
        number = isinstance(content, int | float) and not isinstance(content, bool) and isfinite(content)
        _expect(number, where, "a number")
        return float(content)
    plain_kind: type = kind
    fits = isinstance(content, plain_kind) and not (plain_kind is int and isinstance(content, bool))
    _expect(fits, where, f"a {plain_kind.__name__}")
    return content


def _expect(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise RequestError(f"A look cannot be read: {where} is not as this release writes it, {what} was expected.")
