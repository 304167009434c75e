"""The curation session: a prediction, what was done to it, and where the curator is.

Current instances are always the prediction with the journal's records applied in order.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from napari_probinst.core.boxes import intersect
from napari_probinst.core.curation.edits import parameters
from napari_probinst.core.curation.history import DecisionStep, EditStep, History
from napari_probinst.core.curation.journal import JournalHeader, prediction_checksum
from napari_probinst.core.curation.records import Record, Redo, Undo, Visit
from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.curation.table import InstanceTable
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import InstanceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.curation.delta import Delta
    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.core.curation.history import Decision, Step
    from napari_probinst.core.curation.peak_filter import Status
    from napari_probinst.core.curation.records import Event
    from napari_probinst.core.curation.review import ReviewStatistics
    from napari_probinst.core.instances import Instance, Peak
    from napari_probinst.core.prediction import Prediction

#: Peaks that the statistics look back on.
RECENT_PEAKS = 10


@dataclass(frozen=True, slots=True)
class Change:
    """What an event changed, for those who show it.

    Parameters
    ----------
    ids : tuple of int
        Instances whose masks changed, or that appeared or vanished.
    bbox : (int, int, int, int)
        Box around all changed pixels; empty if there are none.
    peaks : tuple of int
        Peaks whose status changed.
    """

    ids: tuple[int, ...] = ()
    bbox: BBox = (0, 0, 0, 0)
    peaks: tuple[int, ...] = ()


class CurationSession:
    """Corrections of one prediction, with one undo history over edits and decisions.

    Parameters
    ----------
    prediction : Prediction
        The start. Its instance i has the id i + 1, and exists if it is worth exporting: large
        enough at the prediction's threshold. Peaks are named by their index.
    recorder : callable, optional
        Called with each record before it takes effect, e.g. ``JournalWriter.append``. If it
        raises, nothing is changed.

    Notes
    -----
    Undo covers every edit and decision, without limit, and does not move the curator. The
    history keeps only pixels that changed, packed: about 100 bytes to a few kilobytes an edit.
    """

    def __init__(
        self, prediction: Prediction, *, recorder: Callable[[Record], None] | None = None
    ) -> None:
        self.prediction = prediction
        self.queue = ReviewQueue(prediction.peaks)
        predicted = {index + 1: mask for index, mask in exported_instances(prediction).items()}
        self._table = InstanceTable(prediction.shape, predicted, len(prediction.instances) + 1)
        self._history = History()
        self._records: list[Record] = []
        self._recorder = recorder
        self._observers: list[Callable[[Change], None]] = []
        self._position: int | None = 0 if prediction.peaks else None
        self._saved: Step | None = None
        self._worked = 0.0
        self._clock: Callable[[], float] = time.monotonic
        self._last_moment = self._clock()

    @property
    def shape(self) -> Shape:
        """Height and width of the image, pixels."""
        return self._table.shape

    @property
    def peaks(self) -> tuple[Peak, ...]:
        """Peaks of the prediction, the most uncertain first."""
        return self.prediction.peaks

    @property
    def instances(self) -> Mapping[int, Instance]:
        """Live read-only view of the current instances by id; those without pixels are absent."""
        return self._table.instances

    @property
    def records(self) -> tuple[Record, ...]:
        """Everything that happened, oldest first."""
        return tuple(self._records)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Edits and decisions that hold now, oldest first: what was not taken back."""
        return self._history.done

    @property
    def clock(self) -> Callable[[], float]:
        """Clock of the records' durations, seconds; it must not run backwards.

        ``time.monotonic`` unless another is set, e.g. a `WorkClock`, which leaves pauses out. The
        time since the last record counts from that moment on.
        """
        return self._clock

    @clock.setter
    def clock(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last_moment = clock()

    @property
    def worked(self) -> float:
        """Seconds worked on the image: the durations of all records, and the time since then."""
        return self._worked + self._clock() - self._last_moment

    @property
    def header(self) -> JournalHeader:
        """First line of this session's journal."""
        return JournalHeader(
            prediction=prediction_checksum(self.prediction), name=self.prediction.name
        )

    @property
    def position(self) -> int | None:
        """Current peak; None if there are no peaks. Setting it is recorded, but no undo step."""
        return self._position

    @position.setter
    def position(self, peak: int) -> None:
        self._check_peak(peak)
        if peak != self._position:
            self._perform(Visit(peak))

    @property
    def modified(self) -> bool:
        """Whether edits or decisions differ from those of the last save."""
        return self._history.last is not self._saved

    @property
    def undo_step(self) -> Step | None:
        """Step that `undo` would take back; its ``summary`` suits a button."""
        return self._history.last

    @property
    def redo_step(self) -> Step | None:
        """Step that `redo` would make again."""
        return self._history.next

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.last is not None

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to make again."""
        return self._history.next is not None

    def current(self) -> InstanceSet:
        """Return the current instances in the order of their ids."""
        return InstanceSet(self.shape, tuple(self.instances[key] for key in sorted(self.instances)))

    def preview(self, edit: Edit) -> Delta:
        """Compute what an edit would change, without making it.

        Raises
        ------
        EditRefusedError
            If the edit makes no sense here.
        """
        return edit.delta(self._table)

    def apply(self, edit: Edit) -> Change:
        """Make an edit.

        It counts as mending the current peak if it touches an instance the peak is about, or the
        place itself.

        Raises
        ------
        EditRefusedError
            If the edit makes no sense here; nothing is changed.
        """
        delta = self.preview(edit)
        peak = self._position if self._concerns_current_peak(delta) else None
        return self._perform(EditStep(edit.kind, parameters(edit), peak, delta))

    def decide(self, peak: int, decision: Decision | None) -> None:
        """Accept, skip or flag a peak, or withdraw that (None); the same twice does nothing.

        Raises
        ------
        IndexError
            If there is no such peak.
        """
        self._check_peak(peak)
        before = self.queue.decision(peak)
        if decision != before:
            self._perform(DecisionStep(peak, before, decision))

    def undo(self) -> Step | None:
        """Take back the last edit or decision and return it; None if there is none."""
        step = self._history.last
        if step is not None:
            self._perform(Undo())
        return step

    def redo(self) -> Step | None:
        """Make the step undone last again and return it; None if there is none."""
        step = self._history.next
        if step is not None:
            self._perform(Redo())
        return step

    def status(self, peak: int) -> Status:
        """State of a peak: open, accepted, skipped, flagged or touched."""
        self._check_peak(peak)
        return self.queue.status(peak)

    def statistics(self) -> ReviewStatistics:
        """How far the review is."""
        return self.queue.statistics(self._history.recent_peaks(RECENT_PEAKS))

    def instances_at(self, y: int, x: int) -> tuple[int, ...]:
        """Ids of the instances that hold a pixel, topmost first: the lowest id lies on top."""
        return self._table.at(y, x)

    def instances_within(self, bbox: BBox) -> tuple[int, ...]:
        """Ids of the instances whose boxes meet ``bbox``, ascending."""
        return self._table.within(bbox)

    def mark_saved(self) -> None:
        """Take the present state as saved."""
        self._saved = self._history.last

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``callback`` after every edit, decision, undo, redo and visit.

        Returns
        -------
        callable
            Ends the subscription; may be called twice.
        """
        self._observers.append(callback)

        def unsubscribe() -> None:
            if callback in self._observers:
                self._observers.remove(callback)

        return unsubscribe

    def restore(self, records: Iterable[Record]) -> None:
        """Apply records made earlier; they are not recorded again.

        Raises
        ------
        InputError
            If a record doesn't fit the state it is applied to.
        """
        for number, record in enumerate(records, start=1):
            try:
                self._enact(record.event)
            except (ValueError, IndexError) as error:
                raise InputError(
                    f"Step {number} of the journal doesn't fit the prediction "
                    f"{self.prediction.name} ({error}): restore the journal from a copy."
                ) from error
            self._records.append(record if record.n == number else replace(record, n=number))
            self._worked += record.duration

    def _perform(self, event: Event) -> Change:
        """Record an event, let it take effect, and tell the observers: in this order."""
        moment = self._clock()
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        worked = round(moment - self._last_moment, 3)
        record = Record(now, worked, event, n=len(self._records) + 1)
        if self._recorder is not None:
            self._recorder(record)
        change = self._enact(event)
        self._last_moment = moment
        self._records.append(record)
        self._worked += record.duration
        for observer in tuple(self._observers):
            observer(change)
        return change

    def _enact(self, event: Event) -> Change:
        match event:
            case EditStep() | DecisionStep():
                change = self._make(event)
                self._history.push(event)
            case Undo():
                change = self._make(self._history.undo(), undone=True)
            case Redo():
                change = self._make(self._history.redo())
            case Visit(peak):
                self._check_peak(peak)
                self._position = peak
                change = Change()
        return change

    def _make(self, step: Step, *, undone: bool = False) -> Change:
        """Let a step take effect, or take it back."""
        if step.peak is not None:
            self._check_peak(step.peak)
        if isinstance(step, DecisionStep):
            self.queue.decide(step.peak, step.before if undone else step.after)
            return Change(peaks=(step.peak,))
        delta = step.delta.inverse if undone else step.delta
        self._table.apply(delta)
        peaks = self.queue.count_edit(delta.ids, step.peak, undone=undone)
        return Change(delta.ids, delta.bbox, peaks)

    def _concerns_current_peak(self, delta: Delta) -> bool:
        if self._position is None:
            return False
        peak, side = self.peaks[self._position], self.prediction.settings.patch
        place = (peak.y, peak.x, peak.y + side, peak.x + side)
        mends_instance = not self.queue.instance_ids(self._position).isdisjoint(delta.ids)
        return mends_instance or intersect(delta.bbox, place) is not None

    def _check_peak(self, peak: int) -> None:
        if not 0 <= peak < len(self.queue):
            raise IndexError(f"there is no peak {peak} among {len(self.queue)}")
