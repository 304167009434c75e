"""What the Train dock and its training process tell each other: files in ``NAME.run/``.

The process outlives the dock, and napari; whoever comes later finds all that it said.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from filelock import FileLock, Timeout
from pydantic import Field, TypeAdapter, ValidationError

from napari_probinst.core.config import Config
from napari_probinst.core.data.atomic import atomic_file, make_folder, output_error
from napari_probinst.core.errors import InputError
from napari_probinst.core.section import Section

if TYPE_CHECKING:
    from typing import BinaryIO

RUN_SUFFIX = ".run"
REQUEST, LOG, OUTPUT, STOP, LOCK = (
    "request.json",
    "progress.jsonl",
    "output.txt",
    "stop",
    "training.lock",
)
_CHECKPOINT = "last.ckpt"


class TrainingRequest(Section):
    """What is to be trained."""

    data: tuple[Path, ...] = Field(min_length=1, description="Training folders, and sessions.")
    output: Path = Field(description="Model file to write.")
    config: Config = Config()
    start_from: Path | None = Field(None, description="Model whose weights are the start.")
    max_minutes: float | None = Field(None, gt=0, description="Training time, minutes.")
    resume: bool = Field(False, description="Go on from the last checkpoint.")
    device: str = Field("auto", description="auto, cpu, cuda or mps.")

    @property
    def folder(self) -> Path:
        """Folder of the checkpoints, the log, and these files."""
        return self.output.with_suffix(RUN_SUFFIX)


def has_checkpoint(output: Path) -> bool:
    """Whether a training of a model file was begun, and can go on."""
    return (output.with_suffix(RUN_SUFFIX) / _CHECKPOINT).is_file()


@dataclass(frozen=True, slots=True)
class Started:
    """The process runs; what an earlier one said is over."""

    pid: int
    event: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class DataRead:
    """The images are in memory; ``validation`` is the number in each score."""

    training: int
    validation: int
    event: Literal["data"] = "data"


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence about the images: they may teach something else than was meant."""

    text: str
    event: Literal["noted"] = "noted"


@dataclass(frozen=True, slots=True)
class Step:
    """How far the training is.

    Parameters
    ----------
    step : int
        Optimiser steps so far.
    progress : float
        Share of the training that is done, by steps or by the clock.
    left : float or None
        Seconds left; None while that can't be told.
    loss : float
        Of the last step.
    """

    step: int
    progress: float
    left: float | None
    loss: float
    event: Literal["step"] = "step"


@dataclass(frozen=True, slots=True)
class Scoring:
    """The validation images are being predicted."""

    step: int
    event: Literal["scoring"] = "scoring"


@dataclass(frozen=True, slots=True)
class Score:
    """DSB of the validation images, and the best so far."""

    step: int
    score: float
    best: float
    event: Literal["score"] = "score"


@dataclass(frozen=True, slots=True)
class Ended:
    """The model is written."""

    model: Path
    steps: int
    score: float | None
    interrupted: bool
    event: Literal["ended"] = "ended"


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no model, and why."""

    message: str
    event: Literal["failed"] = "failed"


Event = Started | DataRead | Noted | Step | Scoring | Score | Ended | Failed
# A loss that is no number any more is told as such: null would be no loss.
_EVENT: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="event")], config={"ser_json_inf_nan": "constants"}
)


class LogWriter:
    """Write events, each readable at once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, event: Event) -> None:
        """Write one line."""
        self._file.write(_EVENT.dump_json(event) + b"\n")
        self._file.flush()


class LogReader:
    """Read the events of a log as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[Event]:
        """Return what came since the last call; a line that isn't complete yet is left."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError:
            # It isn't there yet, or its disk is away for a moment.
            return []
        complete = content[: content.rfind(b"\n") + 1]
        self._offset += len(complete)
        events = []
        for line in complete.splitlines():
            try:
                events.append(_EVENT.validate_json(line))
            except ValidationError:
                # A process that was killed amid a line, and resumed: that line says nothing.
                continue
        return events


def prepare(request: TrainingRequest) -> None:
    """Write a request where its process looks for it.

    Raises
    ------
    OutputError
        If the folder can't be written.
    """
    folder = request.folder
    make_folder(folder)
    try:
        (folder / STOP).unlink(missing_ok=True)
        if not request.resume:
            (folder / LOG).unlink(missing_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    with atomic_file(folder / REQUEST) as file:
        file.write(request.model_dump_json(indent=2).encode() + b"\n")


def read_request(folder: Path) -> TrainingRequest:
    """Read a request back.

    Raises
    ------
    InputError
        If the folder holds none.
    """
    path = folder / REQUEST
    try:
        return TrainingRequest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(
            f"{path} is no request of the Train dock; start the training there."
        ) from (error)


def is_running(folder: Path) -> bool:
    """Whether a process trains in this folder: it holds a lock, which ends with it."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
