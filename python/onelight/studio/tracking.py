"""Records runs and their curves in MLflow: in the show's own SQLite file, or on a studio's tracking server."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onelight.errors import OnelightError
from onelight.shows import files

FILE = "mlflow.db"
AT_ONCE = 900  # metrics of one request; MLflow takes a thousand
STATES = {"done": "FINISHED", "stopped": "KILLED", "failed": "FAILED", "running": "RUNNING"}


class Tracking:
    """One run in an MLflow tracking store. Nothing else of a training depends on it.

    `url` is a tracking server's; without one it is the show's own file. Telemetry is switched off, and nothing but
    MlflowClient is used: no global state, no files beside the store.
    """

    def __init__(self, show_folder: Path, show: str, tool: str, url: str = "", run: str = "") -> None:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # before the first import
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a server that is gone is said soon
        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        self._where = url or f"sqlite:///{show_folder / FILE}"
        self._client: Any = None
        self.run, self._told, self._from = run, 0, -1
        with _as_ours(self._where):
            if not url:
                _made(show_folder / FILE)
            self._client = MlflowClient(tracking_uri=self._where)
            if run and self._lost(run):
                self.run = ""
            if not self.run:
                name = f"{show}/{tool}"
                known = self._client.get_experiment_by_name(name)
                experiment = known.experiment_id if known else self._client.create_experiment(name)
                self.run = self._client.create_run(experiment).info.run_id
            else:  # an interrupted run goes on: what was told before is not told twice
                self._from = max((told.step for told in self._client.get_metric_history(self.run, "loss")), default=-1)

    def begin(self, settings: Mapping[str, Any]) -> None:
        """What the run is a function of. Told again, after an interruption, it has to be the same."""
        from mlflow.entities import Param

        with _as_ours(self._where):
            self._client.update_run(self.run, status="RUNNING")
            flat = {name: str(value)[:500] for name, value in settings.items()}
            self._client.log_batch(self.run, params=[Param(name, value) for name, value in flat.items()])

    def curves(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Records of a training's history that were not told yet: mean losses and scores by step."""
        from mlflow.entities import Metric

        now, metrics = int(time.time() * 1000), []
        for record in history[self._told :]:
            if record["step"] <= self._from:
                continue
            scores = {f"held-out {name}": value for name, value in record.get("validation", {}).items()}
            losses = {name: value for name, value in record.items() if name not in ("step", "validation")}
            for name, value in (scores or losses).items():
                metrics.append(Metric(_name(name), float(value), now, int(record["step"])))
        self._told = len(history)
        self._log(metrics)

    def results(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Gains over baselines at the end."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        parts = ("gain", "low", "high")
        self._log(
            [
                Metric(_name(f"{row['metric']} over {row['baseline']}, {part}"), float(row[part]), now, 0)
                for row in rows
                for part in parts
                if row.get(part) is not None
            ]
        )

    def end(self, state: str) -> None:
        """The run is done, stopped or failed."""
        with _as_ours(self._where):
            self._client.set_terminated(self.run, STATES[state])

    def _log(self, metrics: list[Any]) -> None:
        with _as_ours(self._where):
            for first in range(0, len(metrics), AT_ONCE):
                self._client.log_batch(self.run, metrics=metrics[first : first + AT_ONCE])

    def _lost(self, run: str) -> bool:
        """Whether the store does not know the run: another server, or a file that was made anew."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.get_run(run)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return True
            raise
        return False


def _made(file: Path) -> None:
    """Sees that the show's own store is there, whole: MLflow makes it table by table, and a
    store with only some of its tables cannot be opened again."""
    from mlflow import MlflowClient

    if file.exists():
        return
    aside = files.below(file.parent, "cache", mode=0o700)
    with TemporaryDirectory(prefix="mlflow-", dir=aside, ignore_cleanup_errors=True) as folder:
        part = Path(folder) / FILE
        MlflowClient(tracking_uri=f"sqlite:///{part}").search_experiments(max_results=1)
        with contextlib.suppress(FileExistsError):  # of another training that began at the same time
            files.name(part, file)


class _as_ours:
    """MLflow's and its database's errors as a sentence that names the store."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if kind is None or error is None or not issubclass(kind, Exception):
            return
        raise OnelightError(
            f"The run cannot be recorded in {self._where} ({str(error).splitlines()[0][:200]}): "
            "check --tracking, or go on without it."
        ) from error


def _name(name: str) -> str:
    """A name as MLflow takes it."""
    return "".join(letter if letter.isalnum() or letter in "_-./ " else " " for letter in name)
