"""What callers try who have no business in a show: each is refused, logged, and learns nothing, not even that it is."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import secrets
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from conftest import Server
from oip import SECONDS, Wire, metrics_port, parameters_of, pixels_of, plate, request
from onelight.shows import access, versions
from onelight.wire import inference_pb2, studio_pb2
from onelight_server import Config, callers, create_server
from onelight_server import diary as diaries
from onelight_server.diary import Diary
from onelight_server.gate import STEP, Gate
from onelight_server.holders import Holders
from onelight_server.metrics import Metrics
from onelight_server.peers import Peers
from productions import TOOL, Caller, Production, add, production

Code = grpc.StatusCode
NOBODY = 65534


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root") / "shows"


@pytest.fixture(scope="module")
def apollo(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """The show that is attacked."""
    return production("apollo", root, tmp_path_factory.mktemp("apollo"))


@pytest.fixture(scope="module")
def borealis(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Production:
    """The show whose token the attacker has."""
    return production("borealis", root, tmp_path_factory.mktemp("borealis"))


@pytest.fixture(scope="module")
def running(
    root: Path, apollo: Production, borealis: Production, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    flags = ("--shows", str(root), "--address", "127.0.0.1:0", "--metrics-port", "0", "--log-json")
    server = Server(tmp_path_factory.mktemp("server"), *flags, "--log-level", "debug").wait_ready()
    yield server
    server.stop()


@pytest.fixture
def tcp(running: Server) -> str:
    """Where everybody gets to, unlike the socket."""
    return loopback(running)


def loopback(server: Server) -> str:
    found = re.search(r"^ready .*?(127\.0\.0\.1:\d+)", server.log, re.MULTILINE)
    assert found, server.log
    return found[1]


def said(show: str) -> tuple[grpc.StatusCode, str]:
    """The one answer to whoever may not use a show, and to whoever asks for one that is not there."""
    return Code.NOT_FOUND, (
        f"No show named '{show}' here for this caller: set the node's Show, give the show's token in ONELIGHT_TOKEN or "
        "ONELIGHT_TOKEN_FILE, or use 'base'."
    )


def own_log(which: Production) -> list[dict[str, Any]]:
    """What the server wrote into the show's own folder."""
    path = which.show.folder / "logs" / "server.log"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true soon: logs are written by a thread that nobody waits for."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def every_way_in(show: str) -> dict[str, Callable[[Caller], Any]]:
    """Every call that names a show."""
    frame = plate()
    put = studio_pb2.PutFrameRequest(show=show, datatype="FP16", height=9, width=16, pixels=frame.tobytes())

    def watch(caller: Caller) -> Any:
        stub = caller.wire.channel.unary_stream(
            "/onelight.v1.Studio/Watch",
            studio_pb2.WatchRequest.SerializeToString,
            studio_pb2.WatchReply.FromString,
        )
        return list(stub(studio_pb2.WatchRequest(show=show), timeout=SECONDS, metadata=caller.metadata))

    return {
        "a frame": lambda caller: caller.infer({"Source@+0": frame}, None, f"{show}/{TOOL}"),
        "a frame of a version": lambda caller: caller.infer({"Source@+0": frame}, None, f"{show}/{TOOL}", "v001"),
        "a tool that is not there": lambda caller: caller.infer({"Source@+0": frame}, None, f"{show}/nothing"),
        "a frame to keep": lambda caller: caller.wire.put(put, timeout=SECONDS, metadata=caller.metadata),
        "what a model is": lambda caller: caller.call("ModelMetadata", name=f"{show}/{TOOL}"),
        "loading a model": lambda caller: caller.call("RepositoryModelLoad", model_name=f"{show}/{TOOL}"),
        "unloading a model": lambda caller: caller.call("RepositoryModelUnload", model_name=f"{show}/{TOOL}"),
        "a training run": watch,
    }


def answer_to(attempt: Callable[[Caller], Any], caller: Caller) -> tuple[grpc.StatusCode, str]:
    try:
        attempt(caller)
    except grpc.RpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("The server took what it had to refuse.")


@pytest.mark.parametrize("way", list(every_way_in("any")))
def test_a_show_without_the_right_token_answers_as_one_that_is_not_there(
    way: str, tcp: str, apollo: Production, borealis: Production
) -> None:
    before = len(own_log(apollo))
    forged = f"{apollo.token.rpartition('_')[0]}_{secrets.token_hex(32)}"
    for token in ("", borealis.token, forged):
        with Caller(tcp, token) as caller, ThreadPoolExecutor(2) as pool:  # refusals take their time
            asked = [pool.submit(answer_to, every_way_in(show)[way], caller) for show in ("apollo", "nowhere")]
            assert [each.result() for each in asked] == [said("apollo"), said("nowhere")]
    assert until(lambda: len(own_log(apollo)) >= before + 3)
    refusals = own_log(apollo)[before:]
    assert [line["event"] for line in refusals] == ["not admitted"] * 3
    assert [line["credential"] for line in refusals] == ["none", "token", "token"]
    assert refusals[1]["token"] == borealis.token.split("_")[1]
    assert not any(secret in json.dumps(refusals) for secret in (borealis.token, forged))


def test_the_right_token_opens_its_show_and_its_exact_versions(tcp: str, apollo: Production) -> None:
    sent = plate()
    with Caller(tcp, apollo.token) as caller:
        for version, digest, state in zip(("v001", "v002"), apollo.digests, ("approved", "candidate"), strict=True):
            reply = caller.infer({"Source@+0": sent}, None, f"apollo/{TOOL}", version)
            told = parameters_of(reply)
            assert (told["version"], told["digest"], told["state"]) == (version, digest, state)
            assert told["runtime"] and told["provider"]
            assert np.array_equal(pixels_of(reply), sent)
        assert parameters_of(caller.infer({"Source@+0": sent}, None, f"apollo/{TOOL}"))["version"] == "v001"


def test_a_ready_question_does_not_tell_either(tcp: str, borealis: Production) -> None:
    with Caller(tcp, borealis.token) as caller:
        assert [caller.call("ModelReady", name=f"{show}/{TOOL}").ready for show in ("apollo", "nowhere")] == [False] * 2
        assert caller.call("ModelReady", name=f"borealis/{TOOL}").ready


def test_lists_hold_what_the_caller_may_use_and_nothing_else(
    tcp: str, apollo: Production, borealis: Production
) -> None:
    for token, own in (("", set()), (apollo.token, {"apollo"}), (borealis.token, {"borealis"})):
        with Caller(tcp, token) as caller:
            index = {model.name.split("/")[0] for model in caller.call("RepositoryIndex").models}
            listed = {model.show for model in caller.call("Models").models}
            assert index == listed == {"base", *own}
            assert not caller.call("Models", show="apollo" if token == borealis.token else "borealis").models or token
    with Caller(tcp, borealis.token) as caller:
        assert not caller.call("Models", show="apollo").models
        assert not caller.call("Models", show="nowhere").models
        rows = [(m.version, m.state, m.is_default) for m in caller.call("Models", show="borealis").models]
        assert rows == [("v001", "approved", True), ("v002", "candidate", False)]


def test_a_list_asks_one_show_for_a_token_however_many_there_are(
    root: Path, apollo: Production, borealis: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    holders, read = Holders(), []
    real = access.Access.check
    monkeypatch.setattr(access.Access, "check", lambda self, token: read.append(self.folder.name) or real(self, token))
    folders = [apollo.show.folder, borealis.show.folder]
    for show in (apollo, borealis):
        assert holders.of(show.token.split("_")[1], folders) == {show.name}
    assert holders.of("0" * 16, folders) == frozenset()
    fresh = access.grant(apollo.show, "one more")
    assert holders.of(fresh.split("_")[1], folders) == {"apollo"}
    assert asyncio.run(_listed(root, apollo.token)) == ({"base", "apollo"}, True)
    assert read == ["apollo"]


async def _listed(root: Path, token: str) -> tuple[set[str], bool]:
    """Shows that a server in this process lists, and whether that took its time."""
    server, (address,) = await create_server(Config(shows=(root,)))

    def ask() -> tuple[set[str], bool]:
        with Caller(address, token) as caller:
            began = time.monotonic()
            found = {model.show for model in caller.call("Models").models}
            return found, time.monotonic() - began >= STEP

    answer = await asyncio.to_thread(ask)
    await server.stop()
    return answer


def test_a_refusal_never_comes_before_its_time(tcp: str, borealis: Production) -> None:
    with Caller(tcp, borealis.token) as caller, ThreadPoolExecutor(4) as pool:

        def seconds(show: str) -> float:
            began = time.monotonic()
            assert caller.refusal("ModelMetadata", name=f"{show}/{TOOL}") == said(show)
            return time.monotonic() - began

        assert min(pool.map(seconds, ["apollo", "nowhere"] * 4)) >= STEP


def test_a_refusal_is_as_much_work_for_a_show_that_is_there_as_for_one_that_is_not(
    root: Path, apollo: Production, borealis: Production
) -> None:
    gate = Gate([], [root], Peers(), Metrics())
    took: dict[str, list[float]] = {"apollo": [], "nowhere": []}
    for attempt in range(12):
        forged = f"onelight_{secrets.token_hex(8)}_{secrets.token_hex(32)}"
        for show, times in took.items():
            began = time.thread_time()  # not the clock on the wall: other work on this machine says nothing
            assert not gate._look(callers.Caller(forged), show).admitted
            times += [time.thread_time() - began] * (attempt > 1)  # the first two also import
    gate.close()
    assert 0.75 < statistics.median(took["apollo"]) / statistics.median(took["nowhere"]) < 1.33


@pytest.mark.parametrize(
    "show",
    ["../apollo", "borealis/../apollo", ".", "..", "apollo/", "/apollo", "Apollo", "apollo ", "apollo\x00", ".apollo",
     "apollo%2f", "ａpollo", "a" * 300, "borealis/models/probe/v001"],
)  # fmt: skip
def test_a_name_that_climbs_or_resembles_leads_nowhere(show: str, tcp: str, borealis: Production) -> None:
    with Caller(tcp, borealis.token) as caller:
        code, sentence = caller.refusal("infer", {"Source@+0": plate()}, None, f"{show}/{TOOL}")
        assert code in (Code.NOT_FOUND, Code.INVALID_ARGUMENT)
        assert "/shows" not in sentence and len(sentence) < 400


@pytest.mark.parametrize(
    "version", ["../../../apollo/models/probe/v001", "..", "v001/../v002", "/etc", "v001\x00", "."]
)
def test_a_version_that_climbs_is_no_version(version: str, tcp: str, borealis: Production) -> None:
    with Caller(tcp, borealis.token) as caller:
        code, sentence = caller.refusal("infer", {"Source@+0": plate()}, None, f"borealis/{TOOL}", version)
        assert code in (Code.NOT_FOUND, Code.INVALID_ARGUMENT)
        assert "apollo/" not in sentence.replace(version, "")


def test_a_frame_of_one_show_cannot_be_had_by_its_hash_from_another(
    tcp: str, apollo: Production, borealis: Production
) -> None:
    secret = plate(seed=4711)
    put = studio_pb2.PutFrameRequest(show="apollo", datatype="FP16", height=9, width=16, pixels=secret.tobytes())
    with Caller(tcp, apollo.token) as owner, Caller(tcp, borealis.token) as other:
        digest = owner.wire.put(put, metadata=owner.metadata).content_hash
        referred = {"Source@+0": (secret, {"content_hash": digest})}
        assert np.array_equal(pixels_of(owner.infer(referred, None, f"apollo/{TOOL}")), secret)
        there = other.refusal("infer", referred, None, f"borealis/{TOOL}")
        never = other.refusal("infer", {"Source@+0": (secret, {"content_hash": "0" * 32})}, None, f"borealis/{TOOL}")
        assert there == never and there[0] == Code.FAILED_PRECONDITION
        assert other.refusal("infer", referred, None, f"base/{TOOL}") == never


def test_a_token_that_was_revoked_or_has_expired_is_refused_at_once(tcp: str, apollo: Production) -> None:
    lent = access.grant(apollo.show, "a freelancer")
    with Caller(tcp, lent) as caller:
        assert caller.call("ModelReady", name=f"apollo/{TOOL}").ready
        access.revoke(apollo.show, lent, "left")
        assert caller.refusal("ModelMetadata", name=f"apollo/{TOOL}") == said("apollo")
    brief = access.grant(apollo.show, "a day", expires=datetime.now(UTC) + timedelta(seconds=0.5))
    with Caller(tcp, brief) as caller:
        assert until(lambda: not caller.call("ModelReady", name=f"apollo/{TOOL}").ready)


def test_a_token_counts_only_as_the_one_bearer_of_a_call(tcp: str, apollo: Production) -> None:
    right, wrong = f"Bearer {apollo.token}", f"Bearer onelight_{'0' * 16}_{'0' * 64}"
    for values in ([wrong, right], [right, right], [apollo.token], [f"Basic {apollo.token}"], [right + " x"]):
        with Caller(tcp) as caller:
            caller.metadata = tuple(("authorization", value) for value in values)
            assert caller.refusal("ModelMetadata", name=f"apollo/{TOOL}") == said("apollo"), values


def test_metrics_and_the_common_log_name_no_show_and_no_token(
    running: Server, tcp: str, apollo: Production, borealis: Production
) -> None:
    with Caller(tcp, borealis.token) as caller:
        caller.refusal("infer", {"Source@+0": plate()}, None, f"apollo/{TOOL}")
        caller.infer({"Source@+0": plate()}, None, f"borealis/{TOOL}")
        caller.refusal("infer", {"Source@+0": plate()}, {"gain": "much"}, f"borealis/{TOOL}")
        caller.refusal("infer", {"Source@+0": plate()}, None, f"borealis/{TOOL}", "v999")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port(running.log)}/metrics", timeout=SECONDS) as page:
        metrics = page.read().decode()
    assert "onelight_admissions_total" in metrics
    for text in (metrics, running.log):
        assert not re.search("apollo|borealis|onelight_[0-9a-f]{16}", text)
    told = own_log(borealis)
    assert until(lambda: any("v999" in line.get("sentence", "") for line in own_log(borealis))), told


def test_a_show_has_its_numbers_in_its_own_folder_and_only_its_own(
    root: Path, apollo: Production, borealis: Production, start_server: Callable[..., Server]
) -> None:
    server = start_server("--shows", str(root), "--address", "127.0.0.1:0")
    with Caller(loopback(server), borealis.token) as caller:
        caller.refusal("ModelMetadata", name=f"apollo/{TOOL}")
        for _ in range(3):
            caller.infer({"Source@+0": plate()}, None, f"borealis/{TOOL}", "v001")
        caller.refusal("infer", {"Source@+0": plate()}, {"gain": "much"}, f"borealis/{TOOL}", "v001")
    server.stop()
    found = {}
    for show in (apollo, borealis):
        path = show.show.folder / "logs" / "server.prom"
        assert path.stat().st_mode & 0o077 == 0
        lines = [line.rpartition(" ") for line in path.read_text().splitlines() if "_total{" in line]
        found[show.name] = {name: float(value) for name, _, value in lines}
        assert not re.search("apollo|borealis", path.read_text())
    assert found["apollo"] == {'onelight_show_refused_callers_total{credential="token"}': 1.0}
    frames = 'onelight_show_requests_total{{code="{}",tool="probe",version="v001"}}'
    assert found["borealis"] == {frames.format("OK"): 3.0, frames.format("INVALID_ARGUMENT"): 1.0}


def test_who_tries_tokens_by_the_hundred_is_told_to_wait_and_locks_nobody_out(tcp: str, apollo: Production) -> None:
    with Caller(tcp, apollo.token) as owner, Caller(tcp) as attacker:
        assert owner.call("ModelReady", name=f"apollo/{TOOL}").ready
        tried = attacker.wire.channel.unary_unary(
            "/inference.GRPCInferenceService/ModelMetadata",
            inference_pb2.ModelMetadataRequest.SerializeToString,
            inference_pb2.ModelMetadataResponse.FromString,
        )
        wanted = inference_pb2.ModelMetadataRequest(name=f"apollo/{TOOL}")
        attempts = [
            tried.future(wanted, timeout=SECONDS, metadata=(("authorization", f"Bearer onelight_{n:016x}_{n:064x}"),))
            for n in range(400)
        ]
        access.grant(apollo.show, "somebody else")  # the store changes: everybody is looked at again
        assert parameters_of(owner.infer({"Source@+0": plate()}, None, f"apollo/{TOOL}", "v001"))["version"] == "v001"
        codes = {attempt.code() for attempt in attempts}
    assert codes == {Code.NOT_FOUND, Code.RESOURCE_EXHAUSTED}


def test_messages_that_are_none_end_in_a_sentence_and_the_server_goes_on(tcp: str, apollo: Production) -> None:
    head = request({"Source@+0": plate()}, None, f"apollo/{TOOL}").SerializeToString()
    broken = [b"\xff" * 64, head[:-7], b"\x0a\xff\xff\xff\xff\x7f", os.urandom(4096), b"\x0a\x06apollo" * 30000]
    with Caller(tcp, apollo.token) as caller:
        for message in broken:
            with pytest.raises(grpc.RpcError) as caught:
                caller.wire.raw(message, timeout=SECONDS, metadata=caller.metadata)
            assert caught.value.code() in (Code.INVALID_ARGUMENT, Code.NOT_FOUND)
        caller.metadata = (("authorization", "Bearer onelight_" + "a" * 4000),)
        assert caller.refusal("ModelMetadata", name=f"apollo/{TOOL}") == said("apollo")
        caller.metadata = (("authorization", f"Bearer {apollo.token}"),)
        assert caller.call("ModelReady", name=f"apollo/{TOOL}").ready


def test_the_owner_of_the_folder_needs_no_token_on_the_socket(running: Server, apollo: Production) -> None:
    with Caller(running.address) as caller:
        assert caller.call("ModelReady", name=f"apollo/{TOOL}").ready


STRANGER = """
import sys
from oip import plate, shared, studio_pb2
from productions import Caller
with Caller(sys.argv[1], sys.argv[3] if len(sys.argv) > 3 else "") as caller:
    print(*caller.refusal("ModelMetadata", name="apollo/probe"))
    print(sorted({model.show for model in caller.call("Models").models}))
    print(*caller.refusal("SystemSharedMemoryRegister", name="theirs", key=sys.argv[2], byte_size=1152))
    print(*caller.refusal("infer", {"Source@+0": (plate(), shared("owners", 1152))}, None, "base/probe"))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_socket_that_was_opened_to_others_still_knows_who_comes(
    root: Path, apollo: Production, borealis: Production, start_server: Callable[..., Server]
) -> None:
    server = start_server("--shows", str(root))
    path = Path(server.address.removeprefix("unix:"))
    path.chmod(0o666)
    path.parent.chmod(0o755)
    memory = Path("/dev/shm") / f"onelight-test-{os.getpid()}-apollo"
    memory.touch(0o600)
    memory.write_bytes(plate().tobytes())
    become = f"import os; os.setresuid({NOBODY}, {NOBODY}, {NOBODY})\n"
    warm = "import grpc, oip, productions; oip.plate()\n"
    search = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    try:
        done = subprocess.run(
            [sys.executable, "-c", warm + become + STRANGER, server.address, f"/{memory.name}"],
            capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"PYTHONPATH": search},
        )  # fmt: skip
    finally:
        memory.unlink()
    assert done.returncode == 0, done.stderr
    own = "Shared memory is for clients on the server's own machine that run as the server's own user."
    theirs = "Source@+0 lies in shared memory, which only clients on the server's machine can use."
    assert done.stdout.splitlines() == [
        f"{said('apollo')[0]} {said('apollo')[1]}",
        "['base']",
        f"{Code.PERMISSION_DENIED} {own}",
        f"{Code.INVALID_ARGUMENT} {theirs}",
    ]


def test_folders_that_are_no_shows_and_links_to_shows_are_not_served(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    real = production("zephyr", tmp_path / "elsewhere", tmp_path / "scratch")
    root = tmp_path / "shows"
    (root / "plain" / TOOL / "v001").mkdir(parents=True)
    (root / "plain" / TOOL / "v001" / "version.json").write_text("{}")
    (root / "linked").symlink_to(real.show.folder)
    (root / "half").mkdir()
    (root / "half" / "show.toml").symlink_to(real.show.folder / "show.toml")
    server = start_server("--shows", str(root))
    with Caller(server.address, real.token) as caller:
        for name in ("plain", "linked", "half"):
            assert caller.refusal("ModelMetadata", name=f"{name}/{TOOL}") == said(name)
        assert {model.show for model in caller.call("Models").models} == {"base"}


def test_shows_among_plain_model_folders_are_kept_apart_too(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    from test_runtime import publish

    publish(tmp_path / "models")
    real = production("zephyr", tmp_path / "models", tmp_path / "scratch")
    server = start_server("--models", str(tmp_path / "models"), "--address", "127.0.0.1:0")
    with Caller(loopback(server)) as caller:
        assert caller.call("ModelReady", name=f"north/{TOOL}").ready
        assert caller.refusal("ModelMetadata", name=f"zephyr/{TOOL}") == said("zephyr")
    with Caller(loopback(server), real.token) as caller:
        assert caller.call("ModelReady", name=f"zephyr/{TOOL}").ready


def test_a_shows_own_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    target = tmp_path / "target"
    target.write_text("mine\n")
    (tmp_path / "logs" / "server.log").symlink_to(target)
    diary = Diary()
    diary.tell(tmp_path, "refused")
    diary.close()
    assert target.read_text() == "mine\n"


def test_a_log_that_cannot_be_begun_anew_closes_no_file_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "logs" / "server.log"
    path.parent.mkdir()
    path.write_bytes(b"x" * (diaries.LARGEST + 1))
    real, mine = os.open, []

    def opens(file: Any, flags: int, *rest: Any, **more: Any) -> int:
        if Path(file) == path and not path.exists():  # it was put aside: now the number that it had is another's
            mine.append(real("/dev/null", os.O_RDONLY))
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, flags, *rest, **more)

    monkeypatch.setattr("os.open", opens)
    diary = Diary()
    diary.tell(tmp_path, "refused")
    diary.close()
    monkeypatch.undo()
    assert len(mine) == 1
    os.close(mine[0])  # still open
    diary = Diary()
    diary.tell(tmp_path, "refused")
    diary.close()
    assert path.read_text().count("refused") == 1


def test_what_is_approved_while_the_server_runs_is_served_from_the_next_frame_on(
    root: Path, tmp_path: Path, tcp: str, borealis: Production
) -> None:
    with Caller(tcp, borealis.token) as caller:
        assert parameters_of(caller.infer({"Source@+0": plate()}, None, f"borealis/{TOOL}"))["version"] == "v001"
        digest = add(borealis.show, tmp_path, 3)
        versions.approve(borealis.show, TOOL, "v003", why="a test's")
        told = parameters_of(caller.infer({"Source@+0": plate()}, None, f"borealis/{TOOL}"))
        assert (told["version"], told["digest"]) == ("v003", digest)
        retired = parameters_of(caller.infer({"Source@+0": plate()}, None, f"borealis/{TOOL}", "v001"))
        assert (retired["state"], retired["digest"]) == ("retired", borealis.digests[0])


def test_everybody_keeps_the_built_in_show(tcp: str) -> None:
    with Wire(tcp) as wire:
        sent = plate()
        assert np.array_equal(pixels_of(wire.infer({"Source@+0": sent})), sent)
