"""How far the review of one image is: its peaks with their states, without any mask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.curation.history import DecisionStep, EditStep, History
from napari_probinst.core.curation.records import Redo, Undo, Visit
from napari_probinst.core.curation.review import ReviewQueue
from napari_probinst.core.curation.session import RECENT_PEAKS
from napari_probinst.core.inference.image_ranking import image_entropy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Self

    from numpy.typing import NDArray

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.curation.prediction_summary import PredictionSummary
    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import Peak


@dataclass(frozen=True, slots=True, eq=False)
class ImageReview:
    """Peaks of one image, and what became of them.

    Parameters
    ----------
    name : str
        Name of the image.
    path : Path or None
        What is opened to work on it, a prediction's file or a session; None for one that is only
        in memory.
    peaks : tuple of Peak
        The most uncertain first.
    states : ndarray of uint8, shape (n_peaks,)
        Place of each peak's state in `STATUSES`.
    patch : int
        Side of a peak's patch, pixels.
    uncertainty : float
        Entropy of the whole image, nats, see `ImageUncertainty.entropy`; it orders the images.
    position : int or None
        Peak where the curator was last; None if there are no peaks.
    n_edits : int
        Edits that hold.
    recent : tuple of bool
        Whether each of the peaks finished last needed an edit, the latest first; at most 10.
    moment : str
        When something was last recorded, ISO 8601 and UTC; empty if nothing was.
    problem : str
        Why the image can't be reviewed, a sentence; empty if it can.
    """

    name: str
    path: Path | None = None
    peaks: tuple[Peak, ...] = ()
    states: NDArray[np.uint8] = field(default_factory=lambda: np.zeros(0, dtype=np.uint8))
    patch: int = 4
    uncertainty: float = 0.0
    position: int | None = None
    n_edits: int = 0
    recent: tuple[bool, ...] = ()
    moment: str = ""
    problem: str = ""

    @classmethod
    def of(cls, session: CurationSession) -> Self:
        """Review of a session that is in memory."""
        prediction = session.prediction
        start = cls(
            prediction.name,
            peaks=prediction.peaks,
            patch=prediction.settings.patch,
            uncertainty=image_entropy(prediction),
        )
        return start.following(session)

    @classmethod
    def recorded(cls, summary: PredictionSummary, path: Path, records: Sequence[Record]) -> Self:
        """Review that a journal tells of.

        Parameters
        ----------
        summary : PredictionSummary
            The prediction that was corrected.
        path : Path
            What is opened to work on it.
        records : sequence of Record
            What happened; empty before the first correction.

        Raises
        ------
        IndexError
            If a record tells of a peak that the prediction doesn't have.
        """
        visits = [record.event.peak for record in records if isinstance(record.event, Visit)]
        position = visits[-1] if visits else 0
        if visits and not all(0 <= peak < len(summary.peaks) for peak in visits):
            raise IndexError("a visit of an absent peak")
        history, queue = history_of(records), ReviewQueue(summary.peaks)
        for step in history.done:
            _count(queue, step)
        return cls(
            summary.name,
            path,
            summary.peaks,
            queue.states(),
            summary.patch,
            summary.uncertainty,
            position if summary.peaks else None,
        )._worked(history, queue, records)

    def following(self, session: CurationSession) -> Self:
        """Return what the review is like now that it goes on in ``session``."""
        history = History()
        for step in session.steps:
            history.push(step)
        now = replace(self, states=session.queue.states(), position=session.position)
        return now._worked(history, session.queue, session.records)

    def unusable(self, problem: str) -> Self:
        """Return an image that can't be reviewed: one without peaks, at its place in the order."""
        return type(self)(self.name, self.path, uncertainty=self.uncertainty, problem=problem)

    def _worked(self, history: History, queue: ReviewQueue, records: Sequence[Record]) -> Self:
        return replace(
            self,
            n_edits=sum(isinstance(step, EditStep) for step in history.done),
            recent=tuple(map(queue.needed_edit, history.recent_peaks(RECENT_PEAKS))),
            moment=records[-1].time if records else "",
        )


def history_of(records: Iterable[Record]) -> History:
    """Edits and decisions that hold after all that happened, and those taken back.

    Raises
    ------
    IndexError
        If more was taken back than was done.
    """
    history = History()
    for record in records:
        match record.event:
            case EditStep() | DecisionStep() as step:
                history.push(step)
            case Undo():
                history.undo()
            case Redo():
                history.redo()
    return history


def _count(queue: ReviewQueue, step: Step) -> None:
    """Let a step that holds take effect on the states of peaks."""
    if step.peak is not None and not 0 <= step.peak < len(queue):
        raise IndexError(f"there is no peak {step.peak} among {len(queue)}")
    if isinstance(step, DecisionStep):
        queue.decide(step.peak, step.after)
    else:
        queue.count_edit(step.delta.ids, step.peak)
