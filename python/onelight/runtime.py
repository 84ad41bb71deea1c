"""A model version on a device: its ONNX stages, loaded once and run on the execution provider that was truly found."""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from onelight.errors import Cancelled, NotReady, RequestError
from onelight.registry import Version

if TYPE_CHECKING:
    import numpy as np

    from onelight.look import Look

PLAIN = "cpu"  # the provider of a version without networks: plain functions of arrays

# A network trained in float32 answers alike everywhere only without TF32 and without an algorithm picked by timing.
_OPTIONS: dict[str, dict[str, Any]] = {
    "CUDAExecutionProvider": {"use_tf32": 0, "cudnn_conv_algo_search": "HEURISTIC"},
}
_TUNED = ("TensorrtExecutionProvider",)  # times kernels on the machine it is on, and takes other ones on the next
_FIXED = ("approved", "retired")  # states of versions whose frames have been delivered, and may be rendered again
Stopping = Callable[[Callable[[], None]], AbstractContextManager[None]]


def preference(tensorrt: bool = False) -> list[str]:
    """Execution providers to ask for, best first, of those this build of onnxruntime has; none without onnxruntime."""
    try:
        import onnxruntime
    except ImportError:
        return []
    wanted = ["TensorrtExecutionProvider"] * tensorrt + ["CUDAExecutionProvider", "CPUExecutionProvider"]
    available = onnxruntime.get_available_providers()
    return [name for name in wanted if name in available]


def is_fixed(version: Version) -> bool:
    """Whether the version's frames have to come out the same wherever and whenever they are rendered."""
    return version.state in _FIXED


def offered(version: Version, providers: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """What onnxruntime is asked for, with each provider's options: for a version whose frames have to come out the
    same nothing that times kernels on the machine it is on, and never TF32."""
    return [(name, _OPTIONS.get(name, {})) for name in providers if not (is_fixed(version) and name in _TUNED)]


class Session:
    """The networks of one version.

    `provider` is what onnxruntime reports after loading: it falls back to the CPU without a word where the driver or
    cuDNN does not fit, so what was asked for says nothing. `runtime` is the library and version that computes.
    `threads` is fixed, because sums in another order differ. `look` is what the version's show looks like, where that
    was measured. A version that was approved runs without what is tuned
    to one machine, whatever is asked for: its frames have to come out the same on the next.
    """

    def __init__(self, version: Version, threads: int, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        self.version, self.look = version, _look_of(version)
        self.provider, self.runtime = PLAIN, f"numpy {importlib.metadata.version('numpy')}"
        self._graphs: dict[str, Any] = {}
        if not version.stages:
            return
        try:
            import onnxruntime
        except ImportError as error:
            raise NotReady(
                f"{version.tool} {version.name} has a network, and this server has no onnxruntime: "
                "install onelight[cpu] or onelight[gpu]."
            ) from error

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        # Threads that spin between frames would take the cores from the other stages.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A network may name files to read its weights from, beside whatever folder this process happens to be in.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
        options.log_severity_level = 3
        options.use_deterministic_compute = is_fixed(version)
        asked = offered(version, providers)
        self.runtime = f"onnxruntime {onnxruntime.__version__}"
        for stage, path in version.stages.items():
            network = version.network(stage)
            try:
                self._graphs[stage] = onnxruntime.InferenceSession(network, options, providers=asked)
            except Exception as error:  # onnxruntime's own classes, one for each of its status codes
                raise NotReady(
                    f"{version.tool} {version.name} cannot be loaded: {path.name} is no network that this server's "
                    f"onnxruntime {onnxruntime.__version__} can run ({str(error)[:300]})."
                ) from error
        got = {graph.get_providers()[0] for graph in self._graphs.values()}
        self.provider = got.pop() if len(got) == 1 else "+".join(sorted(got))

    def has(self, stage: str) -> bool:
        """Whether the version has a graph of that name."""
        return stage in self._graphs

    def run(
        self, stage: str, inputs: Mapping[str, np.ndarray], stopping: Stopping = lambda stop: nullcontext()
    ) -> dict[str, np.ndarray]:
        """Runs one graph; its outputs by name.

        `stopping` is entered with a function that ends this run early (at the next node of the graph) and may call it
        from any thread; the run then raises Cancelled. Raises RequestError where the version has no such graph.
        """
        import onnxruntime

        graph = self._graphs.get(stage)
        if graph is None:
            raise RequestError(f"{self.version.tool} {self.version.name} has no network named '{stage}'.")
        options, stopped = onnxruntime.RunOptions(), threading.Event()

        def stop() -> None:
            stopped.set()
            options.terminate = True

        with stopping(stop):
            try:
                values = graph.run(None, dict(inputs), options)
            except Exception as error:  # a terminated run fails with the class of any other failure
                if stopped.is_set():
                    raise Cancelled("The network was stopped.") from error
                raise
        return dict(zip((output.name for output in graph.get_outputs()), values, strict=True))


def _look_of(version: Version) -> Look | None:
    """The look that a version brings. Raises NotReady where it is not as this release reads it."""
    if not version.look:
        return None
    from onelight.look import Look

    try:
        return Look.from_json(version.look)
    except RequestError as error:
        raise NotReady(f"{version.tool} {version.name} cannot be loaded: {error}") from error


class Sessions:
    """Loaded versions, least recently used first out, within a budget of weights. Thread-safe."""

    def __init__(
        self,
        threads: int,
        budget: int,
        providers: Sequence[str] | None = None,
        evicted: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._threads, self._budget, self._evicted = threads, budget, evicted
        self._providers = providers
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, tuple[Session, int]] = OrderedDict()

    def get(self, version: Version) -> Session:
        """The session of a version, loaded where it was not; a version in use stays alive beyond its eviction."""
        with self._lock:
            # An approval changes how a version may run: what was loaded before it is loaded anew.
            key = f"{version.show}/{version.tool}/{version.digest}/{is_fixed(version)}"
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key][0]
            if version.stages and self._providers is None:
                self._providers = preference()
            session, size = Session(version, self._threads, self._providers or ()), version.bytes
            self._loaded[key] = session, size
            while self.bytes > self._budget and len(self._loaded) > 1:
                _, (_, gone) = self._loaded.popitem(last=False)
                self._evicted(gone)
            return session

    def drop(self, show: str, tool: str) -> None:
        """Forgets every loaded version of a show's tool."""
        with self._lock:
            for key in [key for key in self._loaded if key.startswith(f"{show}/{tool}/")]:
                del self._loaded[key]

    @property
    def bytes(self) -> int:
        """Weights of all that is loaded."""
        return sum(size for _, size in self._loaded.values())

    def __len__(self) -> int:
        return len(self._loaded)
