"""Puts the groups of commands together."""

from __future__ import annotations

import typer

from onelight.cli import (
    analyse,
    bench,
    cleanup,
    codegen,
    dailies,
    demo,
    doctor,
    evaluate,
    gizmo,
    look,
    render,
    report,
    serve,
    show,
    soundstage,
    tools,
    train,
    verify,
    version,
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
app.add_typer(show.app, name="show")
app.add_typer(dailies.app, name="dailies")
app.add_typer(look.app, name="look")
app.add_typer(version.app, name="version")
app.add_typer(gizmo.app, name="gizmo")
for module in (verify, report):
    module.register(app)
for module in (tools, train, evaluate, serve, doctor, demo, codegen):
    module.register(app)
