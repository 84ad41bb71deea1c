"""The command `onelight`: one file a group of commands, and the one place where an error becomes a line and a code."""

from __future__ import annotations

import signal
import sys

from onelight.errors import OnelightError


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 a sentence was printed on stderr, 2 usage, 130 interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a farm's stop leaves no half-written frame either
    from onelight.cli.app import app

    try:
        app()
    except OnelightError as error:
        print(f"onelight: {error}", file=sys.stderr)
        sys.exit(1)
