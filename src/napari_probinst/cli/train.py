"""``napari-probinst train``, which is also ``napari-probinst-train``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import Config
    from napari_probinst.core.training.sources import TrainingData

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")


def seconds(text: str) -> float:
    """Duration such as ``90m``, ``1h30m`` or ``45s`` in seconds."""
    match = _DURATION.match(text.strip())
    if not text.strip() or match is None or not any(match.groups()):
        raise typer.BadParameter(f"'{text}' is no duration; write 90m, 1h30m or 45s.")
    hours, minutes, rest = (int(group or 0) for group in match.groups())
    total = 3600 * hours + 60 * minutes + rest
    if not total:
        raise typer.BadParameter("a training of no length can't learn anything.")
    return float(total)


def train(
    data: Annotated[
        list[Path],
        typer.Option(
            help="images/ and instances/ (masks or sessions), sessions with images, or BBBC010; "
            "or one session NAME.probinst. Several: give the option several times."
        ),
    ],
    output: Annotated[Path, typer.Option(help="Model file to write (.safetensors).")],
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML file of settings, see configs/. What it leaves out is the model's that "
            "--from names, or the program's default."
        ),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps in all.")] = None,
    max_time: Annotated[
        str | None,
        typer.Option(help="Training time in all, e.g. 90m: the learning rate follows the clock."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the last checkpoint of OUTPUT; without one, begin anew."
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Begin anew, and replace a model and checkpoints that are there."
        ),
    ] = False,
    start_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Start from the weights of this model, with its network, binning and settings "
            "of predictions.",
        ),
    ] = None,
    train_wells: Annotated[
        Path | None, typer.Option(help="File of the training images' names, one a line.")
    ] = None,
    validation_wells: Annotated[
        Path | None, typer.Option(help="File of the validation images' names, one a line.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="GPUs of each node, or processes on its CPU.")
    ] = 1,
    num_nodes: Annotated[
        int, typer.Option(min=1, help="Nodes that run this command together.")
    ] = 1,
    strategy: Annotated[
        str, typer.Option(help="auto or ddp: how several processes share a training.")
    ] = "auto",
) -> None:
    """Train a model.

    Checkpoints and the log are kept in the folder OUTPUT.run. Ctrl-C ends the training and
    writes the model; --resume goes on. A model or checkpoints that are there already are refused
    without --resume or --overwrite.
    """
    limit = None if max_time is None else seconds(max_time)
    endless = limit is not None and max_steps is None

    from napari_probinst.cli._training_progress import TrainingProgress
    from napari_probinst.core.network.checkpoint import load_model
    from napari_probinst.core.network.header import check_model_name
    from napari_probinst.core.training.fit import fit
    from napari_probinst.core.training.processes import Processes, is_first_process
    from napari_probinst.core.training.sources import load_training_data

    speaks = is_first_process()
    check_model_name(output)
    # All processes find the same: none writes before all have begun.
    goes_on = _goes_on(output, resume=resume, overwrite=overwrite)
    if speaks and resume and not goes_on:
        typer.echo(f"{output} has no checkpoint to go on from: its training begins anew.", err=True)
    settings = _settings(config, start_from, max_steps, endless=endless)
    initial = load_model(start_from) if start_from is not None else None
    if speaks:
        typer.echo(f"Reading {', '.join(map(str, data))}")
    images = load_training_data(
        data, settings, train_list=train_wells, validation_list=validation_wells
    )
    n_validation = min(len(images.validation), settings.training.validation_images)
    if speaks:
        typer.echo(
            f"{len(images.training)} images to train on, {len(images.validation)} for validation "
            f"({n_validation} in each score)"
        )
        _advise(images, data)
    result = fit(
        images,
        settings,
        output,
        max_seconds=limit,
        resume=goes_on,
        initial=initial,
        device=device,
        processes=Processes(devices, num_nodes, strategy),
        callbacks=[TrainingProgress()] if speaks else [],
    )
    if not speaks:
        return
    score = "" if result.score is None else f", best validation DSB {result.score:.3f}"
    typer.echo(f"{result.model_path} written after {result.steps} steps{score}")
    if result.interrupted:
        typer.echo("Stopped by Ctrl-C; add --resume to go on.")
        raise typer.Exit(130)


def _goes_on(output: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether an earlier training is resumed; refuses to begin anew over one unasked."""
    from napari_probinst.cli._existing import refuse_existing
    from napari_probinst.core.errors import ConfigError
    from napari_probinst.core.training.fit import last_checkpoint

    if resume and overwrite:
        raise ConfigError(
            "--resume goes on with a training and --overwrite begins it anew: give one of them."
        )
    last = last_checkpoint(output)
    if resume and last.is_file():
        return True
    ways = "--overwrite to begin anew"
    if last.is_file():
        ways = f"--resume to go on with its training, {ways}"
    # With --resume there is no checkpoint here: the model alone is nothing to go on from.
    what = "exists, without a checkpoint to go on from" if resume else "exists"
    refuse_existing(output, overwrite=overwrite, what=what, ways=ways)
    what = "is the checkpoint of an unfinished training"
    refuse_existing(last, overwrite=overwrite, what=what, ways=ways)
    return False


def _advise(data: TrainingData, places: Sequence[Path]) -> None:
    """Say which of the images may teach something else than was meant."""
    from napari_probinst.cli._undivided import tell_undivided

    items = (*data.training, *data.validation)
    tell_undivided({item.image.name: item.truth for item in items}, ", ".join(map(str, places)))
    n_coloured = sum(item.image.from_colours for item in items)
    if n_coloured:
        what = "1 image is" if n_coloured == 1 else f"{n_coloured} images are"
        typer.secho(
            f"{what} in colours (RGB), of which the luminance was taken; to train on all three, "
            "name three channels in the configuration",
            err=True,
            fg="yellow",
        )


def _settings(
    path: Path | None, start_from: Path | None, max_steps: int | None, *, endless: bool
) -> Config:
    from napari_probinst.core.config import Config
    from napari_probinst.core.network.header import read_header
    from napari_probinst.core.network.start import continued
    from napari_probinst.core.settings_file import stated_settings

    if start_from is None:
        config = Config() if path is None else Config.from_yaml(path)
    else:
        stated = {} if path is None else stated_settings(path)
        config = continued(
            stated, read_header(start_from), str(path or start_from), start_from.name
        )
    if endless:
        max_steps = 10**9
    if max_steps is None:
        return config
    training = config.training.model_copy(update={"max_steps": max_steps})
    return config.model_copy(update={"training": training})
