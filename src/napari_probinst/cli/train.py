"""``napari-probinst train``, which is also ``napari-probinst-train``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

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
    output: Annotated[Path, typer.Option(help="Model file to write (.safetensors).")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="images/ and instances/ (masks or sessions), sessions with images, or BBBC010; "
            "or one session NAME.probinst. Several: give the option several times. Needed to begin."
        ),
    ] = None,
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
            "--resume",
            help="Go on from the last checkpoint of OUTPUT, with the images and settings it was "
            "begun with; without one, begin anew.",
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
    writes the model; --resume goes on: of the other options, OUTPUT is enough then. A model or
    checkpoints that are there already are refused without --resume or --overwrite.
    """
    limit = None if max_time is None else seconds(max_time)

    from napari_probinst.cli._training_progress import TrainingProgress
    from napari_probinst.core.training.advice import advice
    from napari_probinst.core.training.plan import plan_training
    from napari_probinst.core.training.processes import Processes, is_first_process

    speaks = is_first_process()
    # All processes find the same: none writes before all have begun.
    plan = plan_training(
        output,
        data or (),
        config,
        start_from=start_from,
        train_list=train_wells,
        validation_list=validation_wells,
        max_steps=max_steps,
        max_seconds=limit,
        resume=resume,
        overwrite=overwrite,
    )
    places = data or plan.beginning.data
    if speaks and resume and not plan.goes_on:
        typer.echo(f"{output} has no checkpoint to go on from: its training begins anew.", err=True)
    if speaks:
        typer.echo(f"Reading {', '.join(map(str, places))}")
    images = plan.read()
    n_validation = min(len(images.validation), plan.config.training.validation_images)
    if speaks:
        typer.echo(
            f"{len(images.training)} images to train on, {len(images.validation)} for validation "
            f"({n_validation} in each score)"
        )
        for sentence in advice(images, places):
            typer.secho(sentence, err=True, fg="yellow")
    result = plan.fit(
        images,
        device,
        Processes(devices, num_nodes, strategy),
        callbacks=[TrainingProgress()] if speaks else [],
    )
    if not speaks:
        return
    score = "" if result.score is None else f", best validation DSB {result.score:.3f}"
    typer.echo(f"{result.model_path} written after {result.steps} steps{score}")
    if result.interrupted:
        typer.echo("Stopped by Ctrl-C; add --resume to go on.")
        raise typer.Exit(130)
