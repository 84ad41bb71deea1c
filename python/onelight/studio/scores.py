"""What evaluation rows say together: means with bootstrap intervals, worst deciles, the model against baselines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
SEED = 20261121
ALL = "all"
BY = ("light",)  # the labels of rows that are grouped by, where a tool names no others
ORACLES = ("normals", "model_fitted", "model")  # no baselines: they are told the answer's geometry, or are the model
AIMED = {"grain": 1.0}  # metrics that should come out at a value, neither above nor below it
ERRORS = ("flicker", "boundary", "false_positive_share")  # beside those that say so in their name
Key = tuple[str, str, str, str, str]  # split, label, condition, metric, method


def lower_is_better(metric: str) -> bool:
    """Whether a metric counts errors."""
    return metric.endswith("error") or metric in ERRORS


def merit(metric: str, values: np.ndarray) -> np.ndarray:
    """Values of a metric such that more is better; of one that is aimed at a value, how far it misses in stops."""
    if metric in AIMED:
        return -np.abs(np.log2(np.maximum(values, 1e-6) / AIMED[metric]))
    return -values if lower_is_better(metric) else values


def summary(rows: Sequence[Mapping[str, Any]], by: Sequence[str] = BY, together: bool = True) -> list[dict[str, Any]]:
    """For each split, condition, metric and method: mean, 95 % interval, worst decile, numbers.

    A condition is a value of one of the labels in `by`; of several labels there is also `ALL`, under no label.
    `together` adds all splits as one.

    The interval is the percentile bootstrap of the mean over scenes, not over cases: pictures of one scene err
    alike. It is None where there is only one scene.
    """
    out = []
    for (split, label, condition, metric, method), group in _groups(rows, by, together).items():
        values = np.array([row["value"] for row in group])
        worst = values[np.argsort(merit(metric, values), kind="stable")[: max(1, len(values) // 10)]]
        low, high = _interval(values, [row["scene"] for row in group])
        out.append(
            {
                "split": split,
                "label": label,
                "condition": condition,
                "metric": metric,
                "method": method,
                "mean": float(values.mean()),
                "low": low,
                "high": high,
                "worst_decile": float(worst.mean()),
                "cases": len(values),
                "scenes": len({row["scene"] for row in group}),
            }
        )
    return out


def against(
    rows: Sequence[Mapping[str, Any]], by: Sequence[str] = BY, together: bool = True, ours: str = "model"
) -> list[dict[str, Any]]:
    """By how much `ours` is better than each baseline on the same cases, with the paired bootstrap's 95 % interval.

    `better` and `worse` are said with confidence: the whole interval lies on that side of 0; both are False otherwise.
    """
    groups, out = _groups(rows, by, together), []
    for (split, label, condition, metric, method), group in groups.items():
        mine = {row["case"]: row["value"] for row in groups.get((split, label, condition, metric, ours), [])}
        pairs = [row for row in group if row["case"] in mine]
        if method in (ours, *ORACLES) or not pairs:
            continue
        own, theirs = ([mine[row["case"]] for row in pairs], [row["value"] for row in pairs])
        gains = merit(metric, np.array(own)) - merit(metric, np.array(theirs))
        low, high = _interval(gains, [row["scene"] for row in pairs])
        told: dict[str, Any] = {
            "split": split,
            "label": label,
            "condition": condition,
            "metric": metric,
            "baseline": method,
            "gain": float(gains.mean()),
            "low": low,
            "high": high,
        }
        out.append(told | {"better": low is not None and low > 0, "worse": high is not None and high < 0})
    return out


def sentences(compared: Iterable[Mapping[str, Any]], ours: str = "model") -> list[str]:
    """Which baselines are beaten with confidence, one sentence for each metric and condition over all splits; where
    splits are not put together, one for each split and metric."""
    compared = list(compared)
    together = any(row["split"] == ALL for row in compared)
    said: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in compared:
        if together and row["split"] == ALL:
            said.setdefault((row["metric"], row["condition"]), []).append(row)
        elif not together and row["condition"] == ALL:
            said.setdefault((row["metric"], row["split"]), []).append(row)
    lines = []
    for (metric, where), rows in said.items():
        parts = [
            f"{verdict} {', '.join('{baseline} ({gain:+.2f})'.format(**row) for row in group)}"
            for verdict, group in (
                ("better than", [row for row in rows if row["better"]]),
                ("no different with confidence from", [row for row in rows if not row["better"] and not row["worse"]]),
                ("worse than", [row for row in rows if row["worse"]]),
            )
            if group
        ]
        lines.append(f"{metric}, {where}: the {ours} is {'; '.join(parts)}.")
    return lines


def _groups(rows: Sequence[Mapping[str, Any]], by: Sequence[str], together: bool) -> dict[Key, list[Mapping[str, Any]]]:
    groups: dict[Key, list[Mapping[str, Any]]] = {}
    several = together and len({row["split"] for row in rows}) > 1
    for row in rows:
        conditions = [(label, row[label]) for label in by if row.get(label)] + [("", ALL)] * (len(by) > 1)
        for split in (row["split"], ALL) if several else (row["split"],):
            for label, condition in conditions:
                groups.setdefault((split, label, condition, row["metric"], row["method"]), []).append(row)
    return dict(sorted(groups.items(), key=lambda item: _order(item[0])))


def _order(key: Key) -> tuple:
    """All splits together last; in a label 8 px before 12 px."""
    split, label, condition, metric, method = key
    number = re.match(r"\d+", condition)
    return split == ALL, split, label, int(number[0]) if number else 0, condition, metric, method


def _interval(values: np.ndarray, scenes: Sequence[str]) -> tuple[float | None, float | None]:
    """95 % percentile bootstrap of the mean, whole scenes drawn with replacement."""
    names, place = np.unique(np.array(scenes), return_inverse=True)
    if len(names) < 2:
        return None, None
    sums = np.bincount(place, values, len(names))
    counts = np.bincount(place, minlength=len(names))
    drawn = np.random.default_rng(SEED).integers(len(names), size=(RESAMPLES, len(names)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
