"""Run a training: data, checkpoints, log, and the model file at the end."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import CSVLogger

from napari_probinst import __version__
from napari_probinst.core.data.atomic import atomic_file, make_folder, output_error
from napari_probinst.core.errors import InputError, ModelError
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import model_bytes
from napari_probinst.core.network.concrete_dropout import dropout_rates
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.inherited_weights import load_weights_of
from napari_probinst.core.network.memory import keep_freed_memory
from napari_probinst.core.network.start import misfit
from napari_probinst.core.training.beginning import load_checkpoint
from napari_probinst.core.training.callbacks import LastCheckpoint, RefuseDivergence, StopOnRequest
from napari_probinst.core.training.dataset import CropStream
from napari_probinst.core.training.loading import DataWait, Loaders
from napari_probinst.core.training.module import SCORE, TrainingModule
from napari_probinst.core.training.processes import Processes, is_first_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lightning.pytorch.callbacks import Callback
    from torch import Tensor

    from napari_probinst.core.config import Config
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.training.beginning import Beginning
    from napari_probinst.core.training.sources import TrainingData

LAST, BEST = "last.ckpt", "best.ckpt"


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run ended with.

    Parameters
    ----------
    model_path : Path
        The model file: the best weights by validation score, or the last without validation.
    steps : int
        Optimiser steps in all, earlier runs included.
    score : float or None
        Best DSB on the validation images; None without validation.
    interrupted : bool
        Whether the user stopped it.
    """

    model_path: Path
    steps: int
    score: float | None
    interrupted: bool


def fit(
    data: TrainingData,
    config: Config,
    output: Path,
    *,
    max_seconds: float | None = None,
    resume: bool = False,
    initial: Model | None = None,
    device: str = "auto",
    processes: Processes | None = None,
    callbacks: Sequence[Callback] = (),
    beginning: Beginning | None = None,
) -> TrainingResult:
    """Train a model.

    Every process that shares a training calls this; the first one starts the others of its
    node by running the program again, and alone writes.

    Parameters
    ----------
    data : TrainingData
        Images for training and validation.
    config : Config
        All settings; ``config.training.max_steps`` ends the run.
    output : Path
        Model file. Checkpoints and the log go to the folder of the same name with the suffix
        ``.run``.
    max_seconds : float, optional
        Ends the run as well, and the learning rate then follows the clock.
    resume : bool, default False
        Go on from the last checkpoint of ``output``.
    initial : Model, optional
        Start from the weights of this model, e.g. one that was trained on binned images.
    device : str, default "auto"
        Where to train.
    processes : Processes, optional
        How many train together; one by default.
    callbacks : sequence of lightning Callback, optional
        Progress bars and the like.
    beginning : Beginning, optional
        Where images and the rest come from, which the checkpoints record.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If there is nothing to train on, or nothing to resume.
    ModelError
        If ``initial`` or the checkpoint is of another architecture.
    ConfigError
        If the processes can't share a batch, or there are not as many devices.
    TrainingError
        If the loss or the weights are not finite any more.
    OutputError
        If the disk is full or read-only.
    """
    if not any(len(item.truth) for item in data.training):
        raise InputError("The training images hold no instance at all: nothing can be learnt.")
    runtime = choose_runtime(device)
    if runtime.device == "cpu":
        keep_freed_memory()
    processes = processes or Processes()
    processes.check(config.training.batch_size, runtime)
    last = last_checkpoint(output)
    folder = last.parent
    make_folder(folder)
    record = "" if beginning is None else beginning.to_json()
    module = TrainingModule(config, data.validation, runtime, max_seconds, record)
    if initial is not None:
        _start_from(module, initial)
    step = _resumed_step(last, config) if resume else 0
    stop = StopOnRequest()
    extent = data.extent(module.network.stride, coordinates=config.network.coordinates == "input")
    stream = CropStream(
        [item.normalised(config) for item in data.training],
        config,
        extent,
        start=step * config.training.batch_size,
    )
    n_validation = min(len(data.validation), config.training.validation_images)
    loaders = Loaders(stream, config, n_validation, pin_memory=runtime.device != "cpu")
    if not resume and is_first_process():
        # Else what is resumed after an early end would be the training before this one.
        for name in (LAST, BEST):
            (folder / name).unlink(missing_ok=True)
    with stop.on_interrupt(), _quiet_lightning():
        trainer = _trainer(
            config,
            folder,
            runtime,
            processes,
            [
                DataWait(loaders, _log_every(config)),
                *callbacks,
                RefuseDivergence(last, _log_every(config)),
                stop,
            ],
            validate=n_validation > 0,
        )
        try:
            trainer.fit(
                module, datamodule=loaders, ckpt_path=last if resume else None, weights_only=True
            )
        except SystemExit as error:
            # A second Ctrl-C: Lightning would end the whole program, with the code of a failure.
            raise KeyboardInterrupt from error
        except OSError as error:  # the images are in memory: what fails is the log or a checkpoint
            raise output_error(folder, error) from error
    result = TrainingResult(output, trainer.global_step, module.best_score, stop.requested)
    if not trainer.is_global_zero:
        return result
    header = ModelHeader(
        name=output.stem,
        network=config.network,
        inference=config.inference,
        extent=extent,
        binning=config.training.binning,
        calibration=Calibration.undoing(config.loss.overlap_weight),
        object_width=data.object_width(),
        training=_record(module, data, config, trainer.global_step),
    )
    _export(folder, module, header, output)
    return result


def last_checkpoint(output: Path) -> Path:
    """Checkpoint that a training of the model file ``output`` goes on from, if it is there."""
    return output.with_suffix(".run") / LAST


def _trainer(
    config: Config,
    folder: Path,
    runtime: Runtime,
    processes: Processes,
    callbacks: list[Callback],
    *,
    validate: bool,
) -> pl.Trainer:
    settings = config.training
    checkpoints: list[Callback] = [
        LastCheckpoint(folder / LAST),
        ModelCheckpoint(
            folder,
            filename="last",
            train_time_interval=timedelta(minutes=settings.checkpoint_minutes),
            enable_version_counter=False,
        ),
    ]
    if validate:
        checkpoints.append(
            ModelCheckpoint(
                folder, filename="best", monitor=SCORE, mode="max", enable_version_counter=False
            )
        )
    averaging: list[Callback] = (
        [WeightAveraging(avg_fn=_warmed_average(settings.ema_decay))] if settings.ema_decay else []
    )
    kind, _, index = runtime.device.partition(":")
    return pl.Trainer(
        accelerator=kind,
        devices=[int(index)] if index else processes.devices,
        num_nodes=processes.num_nodes,
        strategy=processes.strategy if processes.n == 1 else "ddp",
        use_distributed_sampler=False,
        precision="bf16-mixed" if runtime.bfloat16 else "32-true",
        max_epochs=-1,
        max_steps=settings.max_steps,
        val_check_interval=settings.validate_every if validate else None,
        check_val_every_n_epoch=None if validate else 1,
        limit_val_batches=1.0 if validate else 0,
        num_sanity_val_steps=0,
        gradient_clip_val=settings.gradient_clip,
        log_every_n_steps=_log_every(config),
        logger=CSVLogger(folder, name="log"),
        callbacks=[*averaging, *checkpoints, *callbacks],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _log_every(config: Config) -> int:
    """Steps between lines of the log; a short training gets one all the same."""
    return min(50, config.training.max_steps)


def _warmed_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential moving average that forgets the untrained weights quickly."""

    def average(averaged: Tensor, current: Tensor, n_averaged: Tensor | int) -> Tensor:
        n = float(n_averaged)
        return torch.lerp(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return average


def _start_from(module: TrainingModule, initial: Model) -> None:
    if reason := misfit(module.network.config, initial.network.config):
        raise ModelError(
            f"The weights of {initial.file_name} don't fit the configured network: {reason} in "
            "the model; use the same."
        )
    load_weights_of(module.network, initial.network)


def _resumed_step(path: Path, config: Config) -> int:
    if not path.is_file():
        raise InputError(f"There is nothing to resume: {path} does not exist. Train without it.")
    checkpoint = load_checkpoint(path)
    step = int(checkpoint["global_step"])
    if checkpoint["probinst_network"] != config.network.model_dump_json():
        raise ModelError(
            f"{path} was trained with another network; use its configuration, and the model that "
            "it was started from."
        )
    if step >= config.training.max_steps:
        raise InputError(
            f"{path} has all of its {step} steps already; ask for more with --max-steps."
        )
    return step


def _record(
    module: TrainingModule, data: TrainingData, config: Config, steps: int
) -> dict[str, Any]:
    return {
        "program": f"napari-probinst {__version__}",
        "steps": steps,
        "seconds": round(module.seconds),
        "training_images": [item.image.name for item in data.training],
        "held_out_images": [item.image.name for item in data.validation],
        "validation_images": [
            item.image.name for item in data.validation[: config.training.validation_images]
        ],
        "validation_dsb": module.best_score,
        "dropout_rates": {
            name: round(rate, 4) for name, rate in dropout_rates(module.network).items()
        },
        "config": config.model_dump(mode="json", exclude={"network", "inference"}),
    }


def _export(folder: Path, module: TrainingModule, header: ModelHeader, output: Path) -> None:
    best = folder / BEST
    source = best if best.is_file() and module.best_score is not None else folder / LAST
    state = torch.load(source, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    rates = {name: round(rate, 4) for name, rate in dropout_rates(module.network).items()}
    header = header.model_copy(update={"training": {**header.training, "dropout_rates": rates}})
    with atomic_file(output) as file:
        file.write(model_bytes(module.network, header))


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence advice of Lightning that doesn't apply to an endless stream of crops."""
    loggers = [logging.getLogger(f"lightning.{part}") for part in ("pytorch", "fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in (
            ".*does not have many workers.*",
            ".*isinstance.treespec, LeafSpec.*",
            ".*Checkpoint directory .* exists and is not empty.*",
            ".*GPU available but not used.*",
            ".*Grad strides do not match bucket view strides.*",
        ):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
