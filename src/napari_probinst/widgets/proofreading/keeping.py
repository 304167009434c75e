"""The sessions that one dock keeps open: on the disk, and free again when the dock goes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.history import EditStep
from napari_probinst.core.curation.image_review import history_of
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.errors import OutputError, ProbinstError, SessionInUseError
from napari_probinst.widgets.layers import redraw
from napari_probinst.widgets.proofreading.session_place import session_place
from napari_probinst.widgets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.curation.session_place import SessionPlace
    from napari_probinst.widgets.layers import ShownPrediction


class SessionKeeper:
    """Sees to it that every correction of the predictions it was given is on the disk."""

    def __init__(self) -> None:
        self._shown: list[ShownPrediction] = []

    @property
    def shown(self) -> tuple[ShownPrediction, ...]:
        """Predictions whose sessions are open."""
        return tuple(self._shown)

    def keep(self, shown: ShownPrediction) -> bool:
        """Keep a prediction's corrections; return whether earlier ones were taken up first."""
        if shown not in self._shown:
            self._shown.append(shown)
        if shown.kept is not None and not shown.kept.closed:
            return False
        place = session_place(shown)
        path = None if shown.kept is None else shown.kept.path
        if path is None and not shown.session.can_undo:
            path = place.find(shown.prediction, show_warning)
        kept = None
        if path is not None:
            try:
                kept = take_up(path, place)
            except ProbinstError as error:
                show_warning(str(error))
        if kept is None:
            records = shown.session.records
            kept = KeptSession(shown.prediction, place, show_warning, records=records)
            # What was done without us, or was in a folder that is gone.
            kept.write()
        n_before = len(shown.session.records)
        shown.kept, shown.session = kept, kept.session
        if len(kept.session.records) <= n_before:
            return False
        redraw(shown)
        return True

    def let_go(self, shown: ShownPrediction) -> bool:
        """Give a session free; return False if there is something that can't be written."""
        if shown.kept is not None and not shown.kept.close():
            return False
        if shown in self._shown:
            self._shown.remove(shown)
        return True

    def hand_over(self, shown: ShownPrediction) -> KeptSession | None:
        """Take a session from a prediction that isn't shown any more; it stays open."""
        kept, shown.kept = shown.kept, None
        if shown in self._shown:
            self._shown.remove(shown)
        return kept

    def close(self) -> list[ShownPrediction]:
        """Give all free; return those that have corrections in memory only."""
        return [shown for shown in self.shown if not self.let_go(shown)]


def take_up(path: Path, place: SessionPlace) -> KeptSession:
    """Go on with a session on the disk.

    While another process corrects it, it is open for reading only. Where its folder can't be
    written, further corrections begin a folder of their own.

    Raises
    ------
    InputError
        If it can't be used.
    """
    try:
        return KeptSession(open_session(path), place, show_warning)
    except SessionInUseError:
        show_warning(
            f"{path.name} is being corrected in another window or program: it is open for reading "
            "only."
        )
        return KeptSession(open_session(path, read_only=True), place, show_warning)
    except OutputError:
        with open_session(path, read_only=True) as opened:
            session = opened.session
        return KeptSession(
            session.prediction, place, show_warning, records=session.records, on_disk=True
        )


def resumed_text(records: Iterable[Record]) -> str:
    """Notice that corrections were taken up again, e.g. "Corrections of 12:30 taken up again"."""
    records = tuple(records)
    return f"Corrections of {_moment(records)} taken up again: {_steps_text(records)}."


def work_text(records: Iterable[Record]) -> str:
    """When a session was worked on last, and what was done, e.g. "12:30, 3 edits, 1 decision"."""
    records = tuple(records)
    return f"{_moment(records)}, {_steps_text(records)}"


def _steps_text(records: Sequence[Record]) -> str:
    history = history_of(records)
    n_edits = sum(isinstance(step, EditStep) for step in history.done)
    return f"{counted(n_edits, 'edit')}, {counted(len(history.done) - n_edits, 'decision')}"


def _moment(records: Sequence[Record]) -> str:
    return _when(records[-1].time) if records else "before"


def _when(moment: str) -> str:
    """Local time of a record; with its day unless that is today."""
    local = datetime.fromisoformat(moment).astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return local.strftime("%H:%M" if today else "%Y-%m-%d %H:%M")
