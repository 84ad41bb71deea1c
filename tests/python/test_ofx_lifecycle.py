"""Long lives and many threads: MLT's instance for every frame, a thousand frames, and what must not happen early."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import psutil
from conftest import Server
from ofxcases import PROBE, RELIGHT, MakeNode, OpenHost, same, scene
from ofxhost import Host

pytest_plugins = ["ofxfixtures"]
SANITIZED = "ONELIGHT_SANITIZER" in os.environ  # its runtime holds freed memory back: what a process uses says nothing
ENTRY_POINTS = {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}


def sockets() -> set[str]:
    """The sockets this process has open."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)
        except FileNotFoundError:  # the descriptor of this very listing
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def shared_segments() -> int:
    """Shared memory of this process: mapped memfd and POSIX segments."""
    return sum("/memfd:" in line or "/dev/shm/" in line for line in Path("/proc/self/maps").read_text().splitlines())


def test_an_instance_per_frame_from_four_threads_like_mlt(node: MakeNode) -> None:
    """Load, Describe, DescribeInContext, CreateInstance, Render, DestroyInstance for every frame, no Unload."""
    graph = node(PROBE, "mlt")
    graph.set("gain", {0: 0.0, 64: 6.4})
    plates = {float(t): scene(seed=t % 7) for t in range(1, 65)}
    graph.connect("Source", plates)
    seen: dict[float, np.ndarray] = {}
    for time, image in graph.render_threads(range(1, 65), n=4).items():
        seen[time] = image
        expected = np.abs(plates[time][..., :3]) * np.float32(2.0 ** np.float64(time / 10))
        magnitude = np.clip(np.where(image[..., :3] > 0, expected, 0), 0, 1)
        np.testing.assert_allclose(image[..., :3], magnitude, rtol=1e-5)
    assert len(seen) == 64
    assert graph.messages == []


def test_relight_from_four_threads_like_mlt_is_relight_from_one(node: MakeNode) -> None:
    graph = node(RELIGHT, "mlt")
    graph.set("key_stops", 1.0)
    graph.connect("Source", {float(t): scene(seed=t) for t in range(1, 9)})
    together = graph.render_threads(range(1, 9), n=4)
    for time in (8, 3):
        assert same(graph.render(time), together[time])


def test_aborts_and_renders_from_several_threads_do_not_meet(node: MakeNode) -> None:
    graph = node(PROBE, "strict")
    graph.connect("Source", scene())
    graph.set("flip", True)
    graph.set("work", 20)
    graph.abort(after=0.15)
    statuses = []
    for time in range(40):
        statuses.append(graph.render_any(time).status)
        if statuses[-1] != 0:
            graph.resume()
    assert statuses.count(1) == 1
    assert graph.messages == []


def test_describing_and_creating_open_no_connection(open_host: OpenHost) -> None:
    host = open_host("natron")
    before = sockets()
    nodes = [host.node(identifier) for identifier in host.plugins for _ in range(3)]
    assert sockets() == before
    assert [node.messages for node in nodes] == [[]] * len(nodes)


def test_a_thousand_frames_leave_nothing_behind(node: MakeNode, server: Server) -> None:
    graph = node(PROBE, "nuke")
    random = np.random.default_rng(8)
    plates = [random.standard_normal((120, 160, 4), np.float32) for _ in range(20)]
    graph.connect("Source", lambda time: plates[int(time) % 20])
    graph.set("flip", True)
    here, there = psutil.Process(), psutil.Process(server.pid)

    def counts() -> tuple[int, int, int]:
        return here.num_fds(), shared_segments(), there.num_fds()

    for time in range(200):
        graph.render(time)
    memory, seen = here.memory_info().rss / 2**20, [counts()]
    for time in range(1000):
        graph.render(time)
        if time % 50 == 49:
            seen.append(counts())
    memory_after = here.memory_info().rss / 2**20
    # gRPC opens and closes one or two of its own meanwhile: what leaks never comes back down to where it was.
    for what, values in zip(("descriptors", "shared segments", "server"), zip(*seen, strict=True), strict=True):
        assert min(values[-10:]) <= max(values[:10]), f"{what}: {values}"
    if not SANITIZED:
        assert memory_after - memory < 8, f"grew by {memory_after - memory:.1f} MiB"


def test_instances_come_and_go_without_growth(node: MakeNode, open_host: OpenHost) -> None:
    graph = node(PROBE, "mlt")
    graph.connect("Source", scene(32, 32))
    graph.set("flip", True)
    for time in range(50):
        graph.render(time)
    before, descriptors = psutil.Process().memory_info().rss, psutil.Process().num_fds()
    seen = [descriptors]
    for time in range(300):
        graph.render(time)
        seen.append(psutil.Process().num_fds())
    assert min(seen[-150:]) <= max(seen[:150]), seen  # gRPC's own come and go; what leaks never comes back down
    if not SANITIZED:
        assert psutil.Process().memory_info().rss - before < 8 * 2**20


def test_the_binary_exports_the_entry_points_and_needs_only_the_c_library(bundle: Path) -> None:
    binary = bundle / "Contents" / "Linux-x86-64" / "Onelight.ofx"
    symbols = subprocess.run(["nm", "-D", "--defined-only", binary], check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} == ENTRY_POINTS
    dynamic = subprocess.run(["readelf", "-d", binary], check=True, capture_output=True, text=True).stdout
    needed = {line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line}
    sanitizers = ("libasan", "libubsan", "libtsan")
    plain = {name for name in needed if not name.startswith(sanitizers)}
    if plain == needed:
        assert plain <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
    assert "NODELETE" in dynamic
    assert "STATIC_TLS" not in dynamic


def test_two_hosts_in_one_process_have_a_library_each(bundle: Path) -> None:
    one, two = Host("natron", bundle), Host("nuke", bundle)
    assert one.binary != two.binary
    for host in (one, two):
        host.node(PROBE)
        host.close()
        assert host.violations == []
