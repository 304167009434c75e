"""A training from beginning to end, checked before anything is read: for command and notebook."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_probinst.core.config import Config
from napari_probinst.core.errors import ConfigError, OutputError
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.header import check_model_name, read_header
from napari_probinst.core.network.start import continued
from napari_probinst.core.section import validated
from napari_probinst.core.settings_file import stated_settings
from napari_probinst.core.training.beginning import Beginning, check_same_settings, recorded
from napari_probinst.core.training.fit import fit, last_checkpoint
from napari_probinst.core.training.sources import load_training_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning.pytorch.callbacks import Callback

    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.training.fit import TrainingResult
    from napari_probinst.core.training.processes import Processes
    from napari_probinst.core.training.sources import TrainingData

#: More steps than any clock leaves time for.
_ENDLESS = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPlan:
    """A training that can begin, or go on.

    Parameters
    ----------
    output : Path
        Model file to write.
    config : Config
        All settings.
    beginning : Beginning
        Images and the rest.
    initial : Model or None
        Weights to start from.
    goes_on : bool
        Whether it goes on from the last checkpoint.
    """

    output: Path
    config: Config
    beginning: Beginning
    initial: Model | None
    goes_on: bool

    def read(self) -> TrainingData:
        """Read the images; errors are those of `load_training_data`."""
        return load_training_data(
            self.beginning.data,
            self.config,
            train_list=self.beginning.train_list,
            validation_list=self.beginning.validation_list,
        )

    def fit(
        self,
        images: TrainingData,
        device: str = "auto",
        processes: Processes | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> TrainingResult:
        """Train; parameters and errors are those of `fit`."""
        return fit(
            images,
            self.config,
            self.output,
            max_seconds=self.beginning.max_seconds,
            resume=self.goes_on,
            initial=self.initial,
            device=device,
            processes=processes,
            callbacks=callbacks,
            beginning=self.beginning,
        )


def plan_training(
    output: Path,
    data: Sequence[Path] = (),
    config: Config | Path | None = None,
    *,
    start_from: Path | None = None,
    train_list: Path | None = None,
    validation_list: Path | None = None,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> TrainingPlan:
    """Check what a training is given, before images are read.

    Parameters
    ----------
    output : Path
        Model file to write.
    data : sequence of Path
        Training folders and sessions; may be empty where the training goes on.
    config : Config or Path, optional
        Settings, or a YAML file of them. What a file leaves out is the model's that
        ``start_from`` names, or the program's default.
    start_from : Path, optional
        Model to start from.
    train_list, validation_list : Path, optional
        As for `load_training_data`.
    max_steps : int, optional
        Optimiser steps in all; by default the settings'.
    max_seconds : float, optional
        Training time in all; without ``max_steps`` it alone ends the training.
    resume : bool, default False
        Go on from the last checkpoint of ``output``, with what it was begun with; without a
        checkpoint, begin anew.
    overwrite : bool, default False
        Begin anew, whatever is there.

    Raises
    ------
    ConfigError
        If settings are unknown or impossible, images are not named, or what is given contradicts
        what the training was begun with.
    ModelError
        If ``output`` is no name of a model, or a model or checkpoint can't be read.
    OutputError
        If a model or a checkpoint is there that nobody asked to replace.
    """
    check_model_name(output)
    goes_on = _goes_on(output, resume=resume, overwrite=overwrite)
    given = Beginning(
        data=tuple(path.resolve() for path in data),
        train_list=train_list and train_list.resolve(),
        validation_list=validation_list and validation_list.resolve(),
        start_from=start_from and start_from.resolve(),
        max_seconds=max_seconds,
    )
    settings, begun = recorded(last_checkpoint(output)) if goes_on else (None, None)
    initial = None
    if settings is None:
        settings = _settings(config, start_from)
        if start_from is not None:
            initial = load_model(start_from)
            given = replace(given, start_checksum=initial.checksum)
    else:
        settings = _settings_again(config, settings, output)
    beginning = given if begun is None else _again(given, begun, output)
    if not beginning.data:
        raise ConfigError(f"What {output} is to learn from is not known: name it with --data.")
    if max_steps is None and max_seconds is not None:
        max_steps = _ENDLESS
    if max_steps is not None:
        training = settings.training.model_copy(update={"max_steps": max_steps})
        settings = settings.model_copy(update={"training": training})
    return TrainingPlan(output, settings, beginning, initial, goes_on)


def _goes_on(output: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether an earlier training is resumed; refuses to begin anew over one unasked."""
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
    exists = "exists, without a checkpoint to go on from" if resume else "exists"
    for path, what in ((output, exists), (last, "is the checkpoint of an unfinished training")):
        if path.exists() and not overwrite:
            raise OutputError(f"{path} {what}: give {ways}, or another --output.")
    return False


def _settings(config: Config | Path | None, start_from: Path | None) -> Config:
    """Settings of a training that begins."""
    if isinstance(config, Config):
        return config
    if start_from is None:
        return Config() if config is None else Config.from_yaml(config)
    stated = {} if config is None else stated_settings(config)
    where = str(config or start_from)
    return continued(stated, read_header(start_from), where, start_from.name)


def _settings_again(config: Config | Path | None, begun: Config, output: Path) -> Config:
    """Settings of a training that goes on; those that are stated again must be the same."""
    if config is None:
        return begun
    where = "The configuration"
    if isinstance(config, Path):
        where, values = str(config), begun.model_dump()
        for name, section in stated_settings(config).items():
            known = isinstance(section, dict) and name in values
            values[name] = values[name] | section if known else section
        config = validated(Config, values, where)
    check_same_settings(config, begun, where, output)
    return config


def _again(given: Beginning, begun: Beginning, output: Path) -> Beginning:
    """What a training goes on with: what it was begun with, and what is given must be the same.

    Files that are gone may be named where they are now.
    """
    start = given.start_from
    if start not in (None, begun.start_from) and (
        not begun.start_checksum or load_model(start).checksum != begun.start_checksum
    ):
        raise _contradiction("--from", start, begun.start_from, output)
    data = begun.data
    if given.data and sorted(given.data) != sorted(data):
        if all(path.exists() for path in data):
            now, before = (", ".join(map(str, paths)) for paths in (given.data, data))
            raise _contradiction("--data", now, before, output)
        data = given.data
    lists = {}
    for name, option in (
        ("train_list", "--train-wells"),
        ("validation_list", "--validation-wells"),
    ):
        new, old = getattr(given, name), getattr(begun, name)
        if new not in (None, old) and (old is None or old.exists()):
            raise _contradiction(option, new, old, output)
        lists[name] = new or old
    return replace(begun, data=data, max_seconds=given.max_seconds or begun.max_seconds, **lists)


def _contradiction(option: str, now: object, before: object, output: Path) -> ConfigError:
    begun = "without it" if before is None else f"with {before}"
    return ConfigError(
        f"{option} is {now}, but the training of {output} was begun {begun}; leave it out, or as "
        "it was, to go on, or begin anew (--overwrite)."
    )
