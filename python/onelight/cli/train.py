"""`onelight train`: a tool's network from its recipe, scenes rendered, learnt from, exported, scored; or a show's."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from onelight.cli.evaluate import evaluation, grouping, progress_bars
from onelight.cli.train_show import train_show
from onelight.errors import NotFound, NotReady, RequestError
from onelight.registry import BASE, Registry, Version
from onelight.runtime import Session
from onelight.studio import scores
from onelight.tools import discover

TOOL = "TOOL"  # the command that any word but the others stands for


class ToolOrShow(TyperGroup):
    """`train show` is a command; any other word after `train` is the tool of the command TOOL."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = [TOOL, *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=ToolOrShow, help="Train networks: a tool's for everybody, or a show's own.", no_args_is_help=True
    )
    group.command(TOOL)(train)
    group.command("show")(train_show)
    app.add_typer(group, name="train")


def train(
    tool: Annotated[str, typer.Argument(help="The tool whose network is trained.")],
    out: Annotated[
        Path, typer.Option(help="Folder for scenes, crops, checkpoint, curves.png, validation.png and the version.")
    ],
    recipe: Annotated[str, typer.Option(help="small (minutes, to see that all works) or base (hours).")] = "base",
    scenes: Annotated[
        list[Path] | None,
        typer.Option(help="Folders of rendered scenes; may be given again. Default: the recipe renders its own."),
    ] = None,
    version: Annotated[str, typer.Option(help="Name of the version to write. Default: the recipe's.")] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="Steps, instead of the recipe's.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pairs a step, instead of the recipe's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed, instead of the recipe's.")] = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda.")] = "cpu",
    stop_after: Annotated[
        float | None, typer.Option(min=0, help="Stop after this many minutes; the same command goes on from there.")
    ] = None,
    start: Annotated[
        str,
        typer.Option(
            help="Begin with the weights of this version instead of with nothing; what the network has grown since "
            "then starts untrained."
        ),
    ] = "",
    models: Annotated[
        list[Path] | None, typer.Option(help="A folder with further versions, base/TOOL/VERSION; may be repeated.")
    ] = None,
    score: Annotated[bool, typer.Option(help="Score the network on families held out, for its card.")] = True,
) -> None:
    """Train a tool's network on synthetic scenes and write it as a model version.

    Whatever was interrupted, the same command goes on with: scenes, crops and training steps that are there are kept,
    and the weights come out the same to the bit. Watch curves.png and validation.png in the output folder. The version
    lands in OUT/models/base/TOOL, ready for `onelight serve --models OUT/models` and `onelight evaluate --models`.
    """
    found = discover()
    if tool not in found:
        raise NotFound(f"there is no tool '{tool}': there are {', '.join(found)}")
    name = f"onelight.tools.{tool}.train"
    try:
        script: Any = import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name:
            raise NotFound(f"{found[tool].label} has no network to train") from error
        raise NotReady(f"Training needs the package {error.name}: install onelight[train].") from error
    from onelight.training import checkpoint
    from onelight.training.export import write_version

    if recipe not in script.RECIPES:
        raise RequestError(f"{found[tool].label} has no recipe '{recipe}': there are {', '.join(script.RECIPES)}.")
    given = {"steps": steps, "batch": batch, "seed": seed}
    changes = {key: value for key, value in given.items() if value is not None}
    chosen = script.RECIPES[recipe]
    chosen = replace(chosen, settings=replace(chosen.settings, **changes), version=version or chosen.version)
    into = out / "models" / BASE / tool
    if (into / chosen.version).exists():
        raise RequestError(f"{into / chosen.version} is there already, and versions never change: name another.")
    begun = _weights(Registry(found, models or ()).find(BASE, tool, start)) if start else None
    folders = scenes or _rendered(chosen, out)
    if len({folder.name for folder in folders}) < len(folders):
        raise RequestError("Two folders of scenes have the same name, by which the card tells them apart: rename one.")
    files = {name: path for folder in folders for name, path in _files(folder).items()}
    limit = None if stop_after is None else stop_after * 60
    trained = script.run(files, out, chosen.settings, device, limit, begun)
    if trained is None:
        Console(stderr=True).print(f"Stopped for now; the same command goes on from {out / 'checkpoint'}.")
        return
    with TemporaryDirectory() as folder:
        graphs = script.export(trained, Path(folder))
        told = scored(tool, graphs) if score else []
        card = script.card(
            trained,
            chosen.version,
            recipe=f"onelight train {tool} --recipe {recipe}" + (f" --start {start}" if start else ""),
            data=_data(folders),
            settings=chosen.settings,
            seconds=checkpoint.seconds(out / "checkpoint"),
            machine=f"{os.cpu_count()} cores" if device == "cpu" else device,
            scores=told,
        )
        spec = found[tool].version
        print(write_version(into, tool, chosen.version, spec, graphs, weights={"weights": trained}, card=card))


def scored(tool: str, graphs: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Rows for the card: what the networks score on scenes of families held out, beside the baselines."""
    tested = Version(BASE, tool, "candidate", 0, "", graphs)
    with progress_bars() as progress:
        module = evaluation(tool)
        report = module.run(Session(tested, 1), progress=progress)
    columns = ("split", "condition", "metric", "method", "mean", "worst_decile", "scenes")
    return [
        {column: float(f"{row[column]:.4g}") if isinstance(row[column], float) else row[column] for column in columns}
        for row in scores.summary(report.rows, **grouping(module))
    ]


def _weights(version: Version) -> Path:
    """The weights that a version was exported from."""
    for graph in version.stages.values():
        if (weights := graph.with_name("weights.safetensors")).is_file():
            return weights
    raise NotFound(f"{version.tool} {version.name} has no weights that a training could begin with")


def _data(folders: Sequence[Path]) -> dict[str, Any]:
    """What the scenes can be made again from, for the card."""
    from onelight.soundstage.manifest import Manifest

    out: dict[str, Any] = {}
    for folder in folders:
        made = Manifest.load(folder)
        sources = sorted({scene.code for scene in made.scenes})
        what = "lone things" if made.lone else "scenes"
        out[folder.name] = (
            f"{len(made.scenes)} {what} of {', '.join(made.families)}; seed {made.seed}, {made.size} pixels, "
            f"{made.lights} keys, {made.spp} samples; sources {', '.join(code[:12] for code in sources)}"
        )
    return out


def _rendered(recipe: Any, out: Path) -> list[Path]:
    """Folders of the scenes that a recipe learns from; those that are there are kept."""
    from onelight.soundstage import stage

    folders = []
    for name, count in (("scenes", recipe.scenes), ("lone", recipe.lone)):
        if count:
            with progress_bars() as tell:
                stage.render(
                    out / name,
                    count=count,
                    seed=recipe.scene_seed,
                    lone=name == "lone",
                    progress=lambda done, total, _, tell=tell: tell("Rendering scenes", done, total),
                )
            folders.append(out / name)
    return folders


def _files(folder: Path) -> dict[str, Path]:
    """The scenes of a folder by name, as its manifest lists them; none that are for scores."""
    from onelight.soundstage import families
    from onelight.soundstage.manifest import Manifest

    made = Manifest.load(folder).scenes
    if held_out := sorted({scene.family for scene in made} & set(families.names("test"))):
        raise RequestError(
            f"{folder} holds scenes of {', '.join(held_out)}, which are held out for the score: nothing learns from "
            "them. Render with `--split train`."
        )
    found = {f"{folder.name}/{scene.file.removesuffix('.npz')}": folder / scene.file for scene in made}
    if not found:
        raise NotFound(
            f"{folder} holds no rendered scenes: make some with `onelight soundstage render --out {folder}`."
        )
    return found
