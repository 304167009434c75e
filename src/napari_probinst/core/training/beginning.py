"""What a training was begun with: its checkpoints record it, and it goes on by its name alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (pydantic reads the annotations)
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError

from napari_probinst.core.config import Config
from napari_probinst.core.errors import ConfigError, ModelError

#: Settings that may change while a training goes on: how long it is, and how it is run.
_FREE = {"training": ("max_steps", "workers", "checkpoint_minutes")}


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a training was begun with, beside its settings; paths are absolute.

    Parameters
    ----------
    data : tuple of Path
        Training folders and sessions.
    train_list, validation_list : Path or None
        As for `load_training_data`.
    start_from : Path or None
        Model whose weights it was started from.
    start_checksum : str
        SHA-256 of that file, hexadecimal; empty without one.
    max_seconds : float or None
        Time that it is planned for.
    """

    data: tuple[Path, ...]
    train_list: Path | None = None
    validation_list: Path | None = None
    start_from: Path | None = None
    start_checksum: str = ""
    max_seconds: float | None = None

    def to_json(self) -> str:
        """As a checkpoint records it."""
        return _BEGINNING.dump_json(self).decode()


_BEGINNING: TypeAdapter[Beginning] = TypeAdapter(Beginning)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of this program; it is no pickle that could run code.

    Raises
    ------
    ModelError
        If it is none, or is damaged.
    """
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        known = {"probinst_network", "global_step"} <= checkpoint.keys()
    except Exception as error:
        raise _no_checkpoint(path) from error
    if not known:
        raise _no_checkpoint(path)
    return checkpoint


def recorded(path: Path) -> tuple[Config | None, Beginning | None]:
    """Settings of a checkpoint's training, and what else it was begun with.

    Returns
    -------
    Config or None, Beginning or None
        None where an earlier version of this program, or a function of it, left them out.

    Raises
    ------
    ModelError
        If it is no checkpoint, or is damaged.
    """
    checkpoint = load_checkpoint(path)
    config, beginning = (checkpoint.get(f"probinst_{key}") for key in ("config", "beginning"))
    try:
        return (
            Config.model_validate_json(config) if config else None,
            _BEGINNING.validate_json(beginning) if beginning else None,
        )
    except ValidationError as error:
        raise _no_checkpoint(path) from error


def check_same_settings(asked: Config, begun: Config, where: str, output: Path) -> None:
    """Refuse settings that a training was not begun with, but for its length.

    Parameters
    ----------
    asked, begun : Config
        Settings that were given now, and those of the training.
    where : str
        What states the former, for the message.
    output : Path
        Model file of the training.

    Raises
    ------
    ConfigError
        That names both values of the first one.
    """
    for name, section in begun.model_dump().items():
        for key, value in section.items():
            now = getattr(getattr(asked, name), key)
            if key not in _FREE.get(name, ()) and now != getattr(getattr(begun, name), key):
                raise ConfigError(
                    f"{where} sets {name}.{key} to {now}, but the training of {output} was begun "
                    f"with {value}; leave it out, or as it was, to go on, or begin anew "
                    "(--overwrite)."
                )


def _no_checkpoint(path: Path) -> ModelError:
    return ModelError(
        f"{path} is no checkpoint of napari-probinst-train, or is damaged; "
        "begin anew, with --overwrite."
    )
