"""One history over edits and decisions, with unlimited undo and redo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from napari_probinst.core.curation.delta import Delta  # noqa: TC001 - pydantic reads annotations

#: What a curator decides about a peak.
Decision = Literal["accepted", "skipped", "flagged"]


@dataclass(frozen=True, slots=True)
class EditStep:
    """An edit that was made.

    Parameters
    ----------
    edit : str
        Kind of the edit, e.g. "merge".
    parameters : dict
        What was asked for, in plain JSON values; masks only as box and area.
    peak : int or None
        Index of the peak that the edit mends; None if it was made elsewhere.
    delta : Delta
        What it changed.
    """

    edit: str
    parameters: dict[str, Any]
    peak: int | None
    delta: Delta
    kind: Literal["edit"] = field(default="edit", repr=False)

    @property
    def summary(self) -> str:
        """Short text for an undo button, e.g. "merge (3, 7)"."""
        return f"{self.edit} ({', '.join(map(str, self.delta.ids))})"


@dataclass(frozen=True, slots=True)
class DecisionStep:
    """A decision about a peak, or its withdrawal.

    Parameters
    ----------
    peak : int
        Index of the peak.
    before, after : "accepted", "skipped", "flagged" or None
        Decision before and after; None for none.
    """

    peak: int
    before: Decision | None
    after: Decision | None
    kind: Literal["decision"] = field(default="decision", repr=False)

    @property
    def summary(self) -> str:
        """Short text for an undo button, e.g. "peak 4 accepted"."""
        return f"peak {self.peak + 1} {self.after or 'open again'}"


Step = EditStep | DecisionStep


class History:
    """Steps that were made and steps that were undone; a new step forgets the latter."""

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def done(self) -> tuple[Step, ...]:
        """Steps that hold now, oldest first."""
        return tuple(self._done)

    @property
    def last(self) -> Step | None:
        """Step that undo would take back."""
        return self._done[-1] if self._done else None

    @property
    def next(self) -> Step | None:
        """Step that redo would make again."""
        return self._undone[-1] if self._undone else None

    def push(self, step: Step) -> None:
        """Add a step; what was undone before can't be redone any more."""
        self._done.append(step)
        self._undone.clear()

    def undo(self) -> Step:
        """Move the last step to the undone ones and return it.

        Raises
        ------
        IndexError
            If there is none.
        """
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> Step:
        """Move the step undone last back and return it.

        Raises
        ------
        IndexError
            If there is none.
        """
        self._done.append(self._undone.pop())
        return self._done[-1]

    def recent_peaks(self, number: int) -> tuple[int, ...]:
        """Return the ``number`` peaks that were decided or mended last, the latest first.

        Skipped peaks and withdrawn decisions don't count.
        """
        peaks: dict[int, None] = {}
        for step in reversed(self._done):
            if len(peaks) == number:
                break
            finished = isinstance(step, EditStep) or step.after in ("accepted", "flagged")
            if finished and step.peak is not None:
                peaks[step.peak] = None
        return tuple(peaks)
