"""Puts the groups of commands together."""

from __future__ import annotations

import typer

from onelight.cli import (
    analyse,
    bench,
    cleanup,
    codegen,
    demo,
    doctor,
    evaluate,
    render,
    serve,
    soundstage,
    tools,
    train,
)

app = typer.Typer(
    help="Relight plates with a production's own model, from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(render.app, name="render")
app.add_typer(analyse.app, name="analyse")
app.add_typer(cleanup.app, name="cleanup")
app.add_typer(bench.app, name="bench")
app.add_typer(soundstage.app, name="soundstage")
for module in (tools, train, evaluate, serve, doctor, demo, codegen):
    module.register(app)
