"""Run a training: data, checkpoints, log, and the model file at the end."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from napari_probinst import __version__
from napari_probinst.core.data.atomic import atomic_file, make_folder, output_error
from napari_probinst.core.errors import InputError, ModelError
from napari_probinst.core.network.checkpoint import ModelHeader, model_bytes
from napari_probinst.core.network.concrete_dropout import dropout_rates
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.training.dataset import CropStream
from napari_probinst.core.training.module import SCORE, TrainingModule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from napari_probinst.core.config import Config
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime
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
    callbacks: Sequence[Callback] = (),
) -> TrainingResult:
    """Train a model.

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
    callbacks : sequence of lightning Callback, optional
        Progress bars and the like.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError
        If there is nothing to train on, or nothing to resume.
    ModelError
        If ``initial`` or the checkpoint is of another architecture.
    OutputError
        If the disk is full or read-only.
    """
    if not any(len(item.truth) for item in data.training):
        raise InputError("The training images hold no instance at all: nothing can be learnt.")
    folder = output.with_suffix(".run")
    make_folder(folder)
    last = folder / LAST
    runtime = choose_runtime(device)
    module = TrainingModule(config, data.validation, runtime, max_seconds)
    if initial is not None:
        _start_from(module, initial)
    step = _resumed_step(last, config) if resume else 0
    stop = _StopOnRequest()
    stream = CropStream(
        [item.normalised(config) for item in data.training],
        config,
        data.extent(module.network.stride),
        start=step * config.training.batch_size,
    )
    loader = DataLoader(
        stream,
        batch_size=config.training.batch_size,
        num_workers=config.training.workers,
        pin_memory=runtime.device != "cpu",
        worker_init_fn=_ignore_interrupt,
    )
    with stop.on_interrupt(), _quiet_lightning():
        validate = bool(data.validation) and config.training.validation_images > 0
        trainer = _trainer(config, folder, runtime, [*callbacks, stop], validate=validate)
        try:
            trainer.fit(module, loader, ckpt_path=last if resume else None, weights_only=True)
        except SystemExit as error:
            # A second Ctrl-C: Lightning would end the whole program, with the code of a failure.
            raise KeyboardInterrupt from error
        except OSError as error:  # the images are in memory: what fails is the log or a checkpoint
            raise output_error(folder, error) from error
    header = ModelHeader(
        name=output.stem,
        network=config.network,
        inference=config.inference,
        extent=data.extent(module.network.stride),
        binning=config.training.binning,
        object_width=data.object_width(),
        training=_record(module, data, config, trainer.global_step),
    )
    _export(folder, module, header, output)
    return TrainingResult(output, trainer.global_step, module.best_score, stop.requested)


def _ignore_interrupt(worker: int) -> None:
    """Leave Ctrl-C, which the terminal sends to every process, to the training loop."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _StopOnRequest(Callback):
    """End the run after the current step once Ctrl-C was pressed or the time is over."""

    def __init__(self) -> None:
        self.requested = False

    @contextmanager
    def on_interrupt(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a request to stop; a second one is passed on."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = signal.getsignal(signal.SIGINT)

        def request(number: int, frame: Any) -> None:
            if self.requested and callable(previous):
                previous(number, frame)
            self.requested = True

        signal.signal(signal.SIGINT, request)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        if self.requested or pl_module.progress >= 1:
            trainer.should_stop = True


class _LastCheckpoint(Callback):
    """Write the last checkpoint before the averaged weights replace the current ones."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        del pl_module
        trainer.save_checkpoint(self._path)


def _trainer(
    config: Config, folder: Path, runtime: Runtime, callbacks: list[Callback], *, validate: bool
) -> pl.Trainer:
    settings = config.training
    checkpoints: list[Callback] = [
        _LastCheckpoint(folder / LAST),
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
        devices=[int(index)] if index else 1,
        precision="bf16-mixed" if runtime.bfloat16 else "32-true",
        max_epochs=-1,
        max_steps=settings.max_steps,
        val_check_interval=settings.validate_every if validate else None,
        check_val_every_n_epoch=None if validate else 1,
        limit_val_batches=1.0 if validate else 0,
        num_sanity_val_steps=0,
        gradient_clip_val=settings.gradient_clip,
        log_every_n_steps=50,
        logger=CSVLogger(folder, name="log"),
        callbacks=[*averaging, *checkpoints, *callbacks],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def _warmed_average(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Exponential moving average that forgets the untrained weights quickly."""

    def average(averaged: Tensor, current: Tensor, n_averaged: Tensor | int) -> Tensor:
        n = float(n_averaged)
        return torch.lerp(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))

    return average


def _start_from(module: TrainingModule, initial: Model) -> None:
    try:
        module.network.load_state_dict(initial.network.state_dict())
    except RuntimeError as error:
        raise ModelError(
            f"The weights of {initial.file_name} don't fit the configured network; "
            "use the same filters, levels, channels, coordinates and dropout."
        ) from error


def _resumed_step(path: Path, config: Config) -> int:
    if not path.is_file():
        raise InputError(f"There is nothing to resume: {path} does not exist. Train without it.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        network = checkpoint["probinst_network"]
        step = int(checkpoint["global_step"])
    except Exception as error:
        raise ModelError(
            f"{path} is no checkpoint of napari-probinst-train, or is damaged; "
            "train without --resume."
        ) from error
    if network != config.network.model_dump_json():
        raise ModelError(f"{path} was trained with another network; use its configuration.")
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
    logger = logging.getLogger("lightning.pytorch")
    level = logger.level
    logger.setLevel(logging.WARNING)
    with warnings.catch_warnings():
        for message in (
            ".*does not have many workers.*",
            ".*isinstance.treespec, LeafSpec.*",
            ".*Checkpoint directory .* exists and is not empty.*",
            ".*GPU available but not used.*",
        ):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            logger.setLevel(level)
