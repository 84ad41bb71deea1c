"""Fixtures that every Python test may use: a real server on a Unix socket, the built bundle, the example plates."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

ROOT = Path(__file__).resolve().parents[2]
# Where the modules of the native build lie, so that tests import the test host; sanitizer builds have their own.
MODULES = Path(os.environ.get("ONELIGHT_MODULES", ROOT / "build" / "python"))
BUNDLE = Path(os.environ.get("ONELIGHT_BUNDLE", ROOT / "build" / "Onelight.ofx.bundle"))
# Files that take minutes: begun first, so that no worker ends alone with one of them.
LONGEST = (
    "test_studio_training.py",
    "test_studio_pairs.py",
    "test_cleanup_training.py",
    "test_relight_training.py",
    "test_cleanup_evaluate.py",
    "test_relight_photographs.py",
    "test_relight_evaluate.py",
    "test_cli_demo.py",
    "test_relight_network.py",
)
READY_SECONDS = 60.0  # a first start imports everything from a cold disk
STOP_SECONDS = 30.0

sys.path.insert(0, str(MODULES))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest files first, in their order there."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


class Server:
    """One `python -m onelight_server` that serves on a Unix socket; `address` is what clients dial."""

    def __init__(self, folder: Path, *flags: str, env: dict[str, str] | None = None) -> None:
        # A socket's path is limited to 107 bytes, and pytest's own folders can be longer than that.
        self.folder = Path(tempfile.mkdtemp(prefix="onelight-"))
        self.address = f"unix:{self.folder / 'server.sock'}"
        self.log_file = folder / f"server-{self.folder.name}.log"
        models = folder / "models"
        models.mkdir(exist_ok=True)
        if "--models" not in flags:
            flags = (*flags, "--models", str(models))
        # A sanitizer's runtime that was put before this process is not for the server's Python.
        inherited = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", "ASAN_OPTIONS", "TSAN_OPTIONS")}
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "onelight_server", "--address", self.address, *flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Shows of whoever runs the tests are none of a test's business.
                env=inherited | {"ONELIGHT_SHOWS": str(folder / "shows")} | (env or {}),
            )
        self.pid = self.process.pid

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self.log_file.read_text(errors="replace")

    def wait_ready(self) -> Server:
        """Return when the health service says SERVING; fail with the server's log when it ends or takes too long."""
        with grpc.insecure_channel(self.address) as channel:
            check = channel.unary_unary(
                "/grpc.health.v1.Health/Check",
                request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
                response_deserializer=health_pb2.HealthCheckResponse.FromString,
            ).future(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=READY_SECONDS)

            def end_with_process() -> None:
                self.process.wait()
                check.cancel()

            threading.Thread(target=end_with_process, daemon=True).start()
            try:
                status = check.result().status
            except (grpc.RpcError, grpc.FutureCancelledError) as error:
                self.kill()
                pytest.fail(f"The server did not come up ({error!r}). Its log:\n{self.log}")
        assert status == health_pb2.HealthCheckResponse.SERVING, self.log
        return self

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Ask it to end and check that it does, cleanly; nothing when it has ended already."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                code = self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                pytest.fail(f"The server did not end within {STOP_SECONDS:.0f} s of SIGTERM. Its log:\n{self.log}")
            assert code == 0, f"The server ended with {code}. Its log:\n{self.log}"
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it running."""
    running = Server(tmp_path_factory.mktemp("server")).wait_ready()
    yield running
    running.stop()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start servers of a test's own, with extra flags and environment: `start_server("--queue", "1", env={...})`."""
    started: list[Server] = []

    def start(*flags: str, env: dict[str, str] | None = None) -> Server:
        started.append(Server(tmp_path, *flags, env=env))
        return started[-1].wait_ready()

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The built OpenFX bundle."""
    if not (BUNDLE / "Contents" / "Linux-x86-64" / "Onelight.ofx").is_file():
        pytest.fail(f"{BUNDLE} is not built: run `make build`")
    return BUNDLE


@pytest.fixture(scope="session")
def plates() -> Path:
    """Real footage that comes with the repository, with its licences."""
    folder = ROOT / "examples" / "plates"
    if not folder.is_dir():
        pytest.fail(f"{folder} is missing from this checkout")
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an authority of the tests' own: server (for localhost), client, apollo; and a stranger's: .pem and .key."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for authority in ("ca", "stranger"):
        openssl(
            "req", "-x509", *new, "-subj", f"/CN={authority}", "-keyout", f"{authority}.key", "-out", f"{authority}.pem"
        )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("server", "client", "apollo"):
        openssl("req", *new[:-2], "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", f"{name}.pem",
        )  # fmt: skip
    return folder
