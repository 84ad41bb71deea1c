"""`onelight doctor`: looks at what a render needs on this machine and says how to mend what is wrong."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

ROOT = Path(__file__).resolve().parents[3]
BINARY = Path("Contents", "Linux-x86-64", "Onelight.ofx")
ENTRY_POINTS = ("OfxGetNumberOfPlugins", "OfxGetPlugin")
MARKS = {"good": "[green]good[/]", "note": "[yellow]note[/]", "bad": "[red]bad [/]"}
UHD_FRAMES = 4 * 3840 * 2160 * 16  # shared memory that a few float UHD frames take


@dataclass(frozen=True)
class Finding:
    """`state` is good, note (works, but look) or bad; `mend` says what to do."""

    what: str
    state: str
    found: str
    mend: str = ""


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    server: Annotated[str, typer.Option(help="The server to ask. Default: this machine's, started when needed.")] = "",
    bundle: Annotated[Path | None, typer.Option(help="The bundle. Default: OFX_PLUGIN_PATH, /usr/OFX, build/.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the plug-in, the server, shared memory, GPU and colour config. Exit code 1 if something is bad."""
    checks: list[Callable[[], Finding]] = [
        lambda: check_bundle(bundle),
        lambda: check_bridge(),
        lambda: check_server(server),
        check_shared_memory,
        check_gpu,
        check_colour,
    ]
    findings = [check() for check in checks]
    bad = any(finding.state == "bad" for finding in findings)
    if as_json:
        print(json.dumps({"healthy": not bad, "findings": [asdict(finding) for finding in findings]}))
    else:
        console = Console(highlight=False)
        for finding in findings:
            console.print(f"{MARKS[finding.state]} {finding.what}: {finding.found}")
            if finding.mend:
                console.print(f"     {finding.mend}")
    raise typer.Exit(1 if bad else 0)


def find_bundle(given: Path | None = None) -> Path | None:
    """The first Onelight.ofx.bundle where hosts look, and in this checkout's build folder."""
    if given is not None:
        return given if (given / BINARY).is_file() else None
    folders = [*filter(None, os.environ.get("OFX_PLUGIN_PATH", "").split(":")), "/usr/OFX/Plugins", str(ROOT / "build")]
    bundles = (Path(folder, "Onelight.ofx.bundle") for folder in folders)
    return next((bundle for bundle in bundles if (bundle / BINARY).is_file()), None)


def check_bundle(given: Path | None) -> Finding:
    what = "OpenFX bundle"
    bundle = find_bundle(given)
    if bundle is None:
        where = f"{given} holds no {BINARY}" if given else "none found"
        return Finding(what, "bad", where, "run 'make build' and point OFX_PLUGIN_PATH at the folder of the bundle")
    try:
        library = ctypes.CDLL(str(bundle / BINARY), mode=os.RTLD_LOCAL | os.RTLD_NOW)
        missing = [name for name in ENTRY_POINTS if not hasattr(library, name)]
        count = 0 if missing else library.OfxGetNumberOfPlugins()
    except OSError as error:
        return Finding(what, "bad", f"{bundle} does not load: {error}", "build it on this system: 'make build'")
    if missing:
        return Finding(what, "bad", f"{bundle} lacks {', '.join(missing)}", "build it again: 'make build'")
    return Finding(what, "good", f"{bundle}, {count} nodes")


def check_bridge() -> Finding:
    what = "Python bridge"
    try:
        from onelight import _bridge
    except ImportError as error:
        return Finding(what, "bad", str(error), "install the package again: 'pip install .' or 'make build'")
    return Finding(what, "good", _bridge.__file__)


def check_server(address: str) -> Finding:
    from onelight.client import Client, stop_local_server

    problem = Client(address).problem(seconds=30)
    stop_local_server()  # one that was started to be asked; a server that ran before goes on
    name = address or os.environ.get("ONELIGHT_SERVER") or "this machine's"
    if problem:
        mend = "start it with 'onelight serve'" if address else "see whether 'onelight-server' starts by hand"
        return Finding("Server", "bad", problem, f"{mend}; behind a firewall the port must be open")
    return Finding("Server", "good", f"{name} is ready")


def check_shared_memory() -> Finding:
    """Frames to a server of this machine go through sealed memory files, which count as memory."""
    what = "Shared memory"
    try:
        descriptor = os.memfd_create("onelight-doctor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.close(descriptor)
    except (AttributeError, OSError) as error:
        mend = "frames go through the socket instead, more slowly: Linux 3.17 or newer is needed"
        return Finding(what, "note", f"no memory files here ({error})", mend)
    free = shutil.disk_usage("/dev/shm").free if Path("/dev/shm").is_dir() else 0
    if free < UHD_FRAMES:
        mend = "other clients of the server may need more: 'mount -o remount,size=2G /dev/shm'"
        return Finding(what, "note", f"memory files work; /dev/shm has {free >> 20} MiB free", mend)
    return Finding(what, "good", f"memory files work; /dev/shm has {free >> 20} MiB free")


def check_gpu() -> Finding:
    what = "Inference"
    try:
        import onnxruntime
    except ImportError:
        return Finding(what, "bad", "onnxruntime is missing", "install one of 'onelight[cpu]' and 'onelight[gpu]'")
    providers = onnxruntime.get_available_providers()
    card = Path("/dev/nvidiactl").exists()
    text = f"onnxruntime {onnxruntime.__version__}, {', '.join(p.removesuffix('ExecutionProvider') for p in providers)}"
    if card and "CUDAExecutionProvider" not in providers:
        return Finding(what, "note", f"{text}; an NVIDIA card is not used", "install 'onelight[gpu]' in place of [cpu]")
    if not card:
        return Finding(what, "note" if "CUDAExecutionProvider" in providers else "good", f"{text}; no NVIDIA card here")
    return Finding(what, "good", text)


def check_colour() -> Finding:
    import PyOpenColorIO as ocio

    from onelight import colour
    from onelight.errors import ColourError

    what = "Colour config"
    name = os.environ.get("OCIO") or "built-in studio config"
    try:
        config = colour.config()
    except (ColourError, ocio.ExceptionMissingFile) as error:
        return Finding(what, "bad", str(error), "mend or unset $OCIO")
    return Finding(what, "good", f"{name}, {len(list(config.getColorSpaceNames()))} spaces")
