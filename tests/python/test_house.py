"""What the build promises: the symbols and needs of the binaries, generated files, who imports whom."""

from __future__ import annotations

import ast
import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import BUNDLE, MODULES, ROOT
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection, GNUVerSymSection
from elftools.elf.sections import SymbolTableSection

PLUGIN = BUNDLE / "Contents" / "Linux-x86-64" / "Onelight.ofx"
LIBC = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}
DF_STATIC_TLS = 0x10
DF_1_NODELETE = 0x8


class Binary:
    """The dynamic section and the dynamic symbols of a shared object."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            elf = ELFFile(file)
            dynamic = elf.get_section_by_name(".dynamic")
            assert isinstance(dynamic, DynamicSection), f"{path} has no dynamic section"
            self.needed = {str(tag.needed) for tag in dynamic.iter_tags("DT_NEEDED")}  # pyright: ignore[reportAttributeAccessIssue]
            self.flags = sum(tag.entry.d_val for tag in dynamic.iter_tags("DT_FLAGS"))
            self.flags_1 = sum(tag.entry.d_val for tag in dynamic.iter_tags("DT_FLAGS_1"))
            symbols = elf.get_section_by_name(".dynsym")
            versions = elf.get_section_by_name(".gnu.version")
            assert isinstance(symbols, SymbolTableSection), f"{path} has no dynamic symbols"
            assert isinstance(versions, GNUVerSymSection), f"{path} has no symbol versions"
            needs = elf.get_section_by_name(".gnu.version_r")
            assert isinstance(needs, GNUVerNeedSection), f"{path} needs no versions"
            names = {str(version.name) for _, versions_of in needs.iter_versions() for version in versions_of}
            numbers = (re.fullmatch(r"GLIBC_(\d+)\.(\d+)(\.\d+)?", name) for name in names)
            self.glibc = max((int(number[1]), int(number[2])) for number in numbers if number)  # the oldest it loads on
            self.exported: set[str] = set()
            self.unversioned: set[str] = set()  # undefined, and not promised by a version of glibc
            for index, symbol in enumerate(symbols.iter_symbols()):
                if symbol["st_shndx"] != "SHN_UNDEF":
                    self.exported.add(symbol.name)
                elif symbol.name and versions.get_symbol(index)["ndx"] in ("VER_NDX_LOCAL", "VER_NDX_GLOBAL"):
                    self.unversioned.add(symbol.name)


@pytest.fixture(scope="module")
def plugin(bundle: Path) -> Binary:
    return Binary(PLUGIN)


def test_the_plugin_exports_the_openfx_entry_points_and_nothing_else(plugin: Binary) -> None:
    assert plugin.exported == {"OfxGetNumberOfPlugins", "OfxGetPlugin", "OfxSetHost"}


def test_the_plugin_needs_only_libc_libm_and_the_loader(plugin: Binary) -> None:
    assert plugin.needed <= LIBC


def test_the_plugin_leaves_no_symbol_for_a_host_to_fill_in(plugin: Binary) -> None:
    assert plugin.unversioned == set()


@pytest.mark.parametrize("page", ["README.md", "docs/hosts.md"])
def test_the_oldest_system_the_plugin_loads_on_is_what_the_pages_say(plugin: Binary, page: str) -> None:
    said = re.findall(r"glibc (\d+)\.(\d+) or newer", (ROOT / page).read_text(encoding="utf-8"))
    assert [(int(major), int(minor)) for major, minor in said] == [plugin.glibc]


def test_many_copies_of_the_plugin_load_in_one_process(plugin: Binary, tmp_path: Path) -> None:
    """With static thread-local storage the fifth copy would not: hosts reserve little of it."""
    assert not plugin.flags & DF_STATIC_TLS
    program = (
        "import ctypes, pathlib, shutil, sys\n"
        "for index in range(24):\n"
        "    copy = pathlib.Path(sys.argv[2]) / 'copy.ofx'\n"
        "    shutil.copy(sys.argv[1], copy)\n"
        "    assert ctypes.CDLL(str(copy)).OfxGetNumberOfPlugins() > 0\n"
        "    copy.unlink()\n"
    )
    subprocess.run([sys.executable, "-c", program, str(PLUGIN), str(tmp_path)], check=True)


def test_the_plugin_stays_mapped_after_dlclose_because_grpc_keeps_threads(plugin: Binary) -> None:
    assert plugin.flags_1 & DF_1_NODELETE


def test_the_plugin_has_a_node_for_each_tool(bundle: Path) -> None:
    assert ctypes.CDLL(str(PLUGIN)).OfxGetNumberOfPlugins() >= 1


def test_the_bundle_has_the_parts_that_hosts_look_for(bundle: Path) -> None:
    assert "<string>Onelight.ofx</string>" in (bundle / "Contents" / "Info.plist").read_text()
    assert (bundle / "Contents" / "Resources" / "server-command").read_text().strip()


def test_the_bridge_brings_its_own_grpc() -> None:
    modules = sorted((MODULES / "onelight").glob("_bridge.*.so"))
    assert modules, f"no bridge in {MODULES / 'onelight'}: run `make build`"
    for module in modules:
        bridge = Binary(module)
        assert bridge.exported == {"PyInit__bridge"}, module
        assert bridge.needed <= LIBC, module
        assert {name for name in bridge.unversioned if not name.startswith(("Py", "_Py"))} == set(), module


def test_the_bridge_imports_without_numpy_or_anything_else_of_onelight() -> None:
    """Nuke's Python has no numpy to offer, and whatever the package imported would have to be installed there."""
    program = (
        "import sys, onelight._bridge\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('numpy', 'grpc', 'google')\n"
        "       or n.startswith('onelight') and n not in ('onelight', 'onelight._bridge')])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_committed_messages_are_what_the_protos_generate(tmp_path: Path) -> None:
    command = ROOT / "scripts" / "generate_protos"
    subprocess.run([command, tmp_path], check=True)
    generated = sorted((tmp_path / "onelight" / "wire").iterdir())
    assert len(generated) == 4
    for file in generated:
        committed = ROOT / "python" / "onelight" / "wire" / file.name
        assert committed.read_bytes() == file.read_bytes(), f"{committed.name} is not current: run {command}"


def test_imports_go_only_the_ways_that_the_design_allows() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def imported_names(file: Path) -> set[str]:
    """Absolute names that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def test_gizmos_import_only_nuke_and_the_bridge() -> None:
    allowed = {"nuke", "nukescripts", "onelight_nuke", *sys.stdlib_module_names}
    files = sorted((ROOT / "nuke_gizmos").rglob("*.py"))
    assert files
    for file in files:
        for name in imported_names(file):
            bridge = name in ("onelight", "onelight._bridge") or name.startswith("onelight._bridge.")
            assert bridge or name.split(".")[0] in allowed, f"{file.relative_to(ROOT)} imports {name}"


def test_the_package_itself_imports_nothing() -> None:
    assert imported_names(ROOT / "python" / "onelight" / "__init__.py") == set()


def test_nothing_imports_tests() -> None:
    tests = {file.stem for file in (ROOT / "tests" / "python").glob("*.py")} | {"tests", "onelight_testhost"}
    for folder in ("python", "server", "nuke_gizmos"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in imported_names(file):
                assert name.split(".")[0] not in tests, f"{file.relative_to(ROOT)} imports {name}"
