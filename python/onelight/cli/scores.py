"""What evaluation rows say together: means with bootstrap intervals, worst deciles, the model against baselines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

RESAMPLES = 2000
SEED = 20261121
ALL = "all"
ORACLES = ("normals", "model_fitted", "model")  # no baselines: they are told the answer's geometry, or are the model
Key = tuple[str, str, str, str]  # split, light, metric, method


def lower_is_better(metric: str) -> bool:
    """Whether a metric counts errors."""
    return metric.endswith("error") or metric == "flicker"


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each split (and all together), light, metric and method: mean, 95 % interval, worst decile, numbers.

    The interval is the percentile bootstrap of the mean over scenes, not over cases: pictures of one scene err
    alike. It is None where there is only one scene.
    """
    out = []
    for (split, light, metric, method), group in _groups(rows).items():
        values = np.array([row["value"] for row in group])
        worst = np.sort(values)[:: -1 if lower_is_better(metric) else 1][: max(1, len(values) // 10)]
        low, high = _interval(values, [row["scene"] for row in group])
        out.append(
            {
                "split": split,
                "light": light,
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


def against(rows: Sequence[Mapping[str, Any]], ours: str = "model") -> list[dict[str, Any]]:
    """By how much `ours` is better than each baseline on the same cases, with the paired bootstrap's 95 % interval.

    `better` and `worse` are said with confidence: the whole interval lies on that side of 0; both are False otherwise.
    """
    groups, out = _groups(rows), []
    for (split, light, metric, method), group in groups.items():
        mine = {row["case"]: row["value"] for row in groups.get((split, light, metric, ours), [])}
        pairs = [row for row in group if row["case"] in mine]
        if method in (ours, *ORACLES) or not pairs:
            continue
        sign = -1 if lower_is_better(metric) else 1
        gains = np.array([sign * (mine[row["case"]] - row["value"]) for row in pairs])
        low, high = _interval(gains, [row["scene"] for row in pairs])
        told = {"split": split, "light": light, "metric": metric, "baseline": method, "gain": float(gains.mean())}
        told |= {"low": low, "high": high}
        out.append(told | {"better": low is not None and low > 0, "worse": high is not None and high < 0})
    return out


def sentences(compared: Iterable[Mapping[str, Any]], ours: str = "model") -> list[str]:
    """One sentence for each metric and light over all splits: which baselines are beaten with confidence."""
    said: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in compared:
        if row["split"] == ALL:
            said.setdefault((row["metric"], row["light"]), []).append(row)
    lines = []
    for (metric, light), rows in said.items():
        parts = [
            f"{verdict} {', '.join('{baseline} ({gain:+.2f})'.format(**row) for row in group)}"
            for verdict, group in (
                ("better than", [row for row in rows if row["better"]]),
                ("no different with confidence from", [row for row in rows if not row["better"] and not row["worse"]]),
                ("worse than", [row for row in rows if row["worse"]]),
            )
            if group
        ]
        lines.append(f"{metric}, {light}: the {ours} is {'; '.join(parts)}.")
    return lines


def _groups(rows: Sequence[Mapping[str, Any]]) -> dict[Key, list[Mapping[str, Any]]]:
    groups: dict[Key, list[Mapping[str, Any]]] = {}
    several = len({row["split"] for row in rows}) > 1
    for row in rows:
        for split in (row["split"], ALL) if several else (row["split"],):
            groups.setdefault((split, row["light"], row["metric"], row["method"]), []).append(row)
    return dict(sorted(groups.items(), key=lambda item: (item[0][0] == ALL, item[0])))


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
