"""`onelight serve`: the inference server with sensible settings, in this process's place."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("serve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(serve)


def serve(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Option(help="host:port or unix:/path. Only this machine reaches the default.")
    ] = "127.0.0.1:50051",
) -> None:
    """Start the server. Further options go to it: 'onelight-server --help' lists them."""
    command = [sys.executable, "-m", "onelight_server", "--address", address, *ctx.args]
    os.execv(sys.executable, command)
