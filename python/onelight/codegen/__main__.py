"""Writes everything that is generated from the specs into the checkout: python -m onelight.codegen [--check]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from onelight.codegen import docs, gizmo, ofx
from onelight.tools import discover, help_page

ROOT = Path(__file__).resolve().parents[3]
COMMAND = "python -m onelight.codegen"


def generated() -> dict[str, str]:
    """Path in the checkout -> text, for every generated file."""
    tools = discover()
    files = {"ofx_plugin/src/tools.gen.h": ofx.header(list(tools.values()))}
    for tool in tools.values():
        if tool.shipped:
            files[f"nuke_gizmos/{gizmo.file_name(tool)}"] = gizmo.gizmo(tool)
            files[f"docs/tools/{tool.id}.md"] = docs.page(tool, help_page(tool.id))
    return files


def stale(root: Path = ROOT) -> list[str]:
    """The generated files that are missing, differ from their spec, or belong to no tool any more."""
    files = generated()
    wrong = [name for name, text in files.items() if not (root / name).is_file() or (root / name).read_text() != text]
    left = [*root.glob("nuke_gizmos/*.gizmo"), *root.glob("docs/tools/*.md")]
    return wrong + [name for path in left if (name := str(path.relative_to(root))) not in files]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, or with --check only compare; the exit code is 1 where something is out of date."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    if not (ROOT / "pyproject.toml").is_file():
        print(f"{COMMAND} works in a checkout of Onelight, not in an installed package", file=sys.stderr)
        return 1
    if parser.parse_args(arguments).check:
        wrong = stale()
        for name in wrong:
            print(f"{name} is out of date: run {COMMAND}", file=sys.stderr)
        return 1 if wrong else 0
    files = generated()
    for name in stale():
        path = ROOT / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[name], encoding="utf-8")
        else:
            path.unlink()
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
