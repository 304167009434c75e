"""What a journal holds: events with their time, each one line of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from napari_probinst.core.curation.history import DecisionStep, EditStep


@dataclass(frozen=True, slots=True)
class Undo:
    """The last step was taken back."""

    kind: Literal["undo"] = field(default="undo", repr=False)


@dataclass(frozen=True, slots=True)
class Redo:
    """The step undone last was made again."""

    kind: Literal["redo"] = field(default="redo", repr=False)


@dataclass(frozen=True, slots=True)
class Visit:
    """The curator went to a peak; no step, so undo leaves it alone."""

    peak: int
    kind: Literal["visit"] = field(default="visit", repr=False)


Event = Annotated[EditStep | DecisionStep | Undo | Redo | Visit, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Record:
    """One event, when it happened and how long it took.

    Parameters
    ----------
    n : int or None
        Running number in its session, from 1; None in journals of early programs.
    time : str
        Wall-clock time, ISO 8601, UTC.
    duration : float
        Seconds worked since the record before, by a clock that never runs backwards; idle time
        and pauses are left out where such a clock was set (`CurationSession.clock`).
    event : EditStep, DecisionStep, Undo, Redo or Visit
        What happened.
    """

    n: int | None = field(default=None, kw_only=True)
    time: str
    duration: float
    event: Event

    def to_json(self) -> str:
        """Write the record as one line of JSON, without its end."""
        return _RECORD.dump_json(self).decode()

    @classmethod
    def from_json(cls, line: str | bytes) -> Record:
        """Read one line.

        Raises
        ------
        ValueError
            If it is no record.
        """
        return _RECORD.validate_json(line)


_RECORD: TypeAdapter[Record] = TypeAdapter(Record)
