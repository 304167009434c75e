"""What the corrections are worth where the truth is known: scores before and now, and a curve."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.widgets.source_box import SourceBox
from napari_probinst.widgets.truth import read_image_truth

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.before_after import BeforeAfter
    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.evaluation.live import Score
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.proofreading.review_curve import ReviewCurve
    from napari_probinst.widgets.truth import LayerTruth

#: Stops that the expected curve of random order reaches at most.
_MOST_STOPS = 200
#: Pairs of a predicted and a true instance up to which that curve is computed: seconds.
_MOST_PAIRS = 1_000_000
_EXPLANATION = "Choose the truth of this image to see what the corrections are worth."
_TOO_LARGE = "The image has too many instances for the curve of random order."
#: Name, text and tooltip of the rows.
_ROWS = (
    ("dsb", "DSB", "TP / (TP + FP + FN), mean over the IoU thresholds 0.50, 0.55, … 0.95"),
    ("hits", "Found", "Predicted instances with a true one of their own at an IoU above 0.5"),
    ("merges", "False merges", "True instances that a prediction holds beyond its first"),
    ("splits", "False splits", "Pieces of a true instance beyond its first"),
    ("misses", "Missed", "True instances that nothing stands for"),
    ("spurious", "Spurious", "Predicted instances that stand for nothing"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Scores of one session, and what random order would have given.

    Parameters
    ----------
    scores : BeforeAfter
        Follows the session's steps.
    random : tuple of float
        Expected DSB after 0, 1, 2, ... stops in random order; empty for too large an image.
    """

    scores: BeforeAfter
    random: tuple[float, ...]


def compare(truth: LayerTruth | Path, prediction: Prediction, steps: tuple[Step, ...]) -> Compared:
    """Read the truth of an image, and score what was predicted and what became of it.

    Raises
    ------
    InputError
        If there is no truth of this image, or it is of another size, or can't be read.
    """
    # Imported in the thread of the worker: nothing of it is needed without a truth.
    from napari_probinst.core.before_after import BeforeAfter
    from napari_probinst.core.evaluation.random_order import random_review

    instances = read_image_truth(truth, prediction.name, prediction.shape)
    scores = BeforeAfter(prediction, instances)
    scores.catch_up(steps)
    n_predicted = len(prediction.instances)
    if n_predicted * len(instances) > _MOST_PAIRS:
        return Compared(scores, ())
    return Compared(scores, random_review(prediction, instances, min(n_predicted, _MOST_STOPS)))


class BeforeAfterView(QWidget):
    """Choice of the truth; then scores before and now, and the review's curve.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose labels layers may be the truth, and whose theme the curve takes on.
    """

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._session: CurationSession | None = None
        self._plane: tuple[int, ...] = ()
        self._steps: tuple[Step, ...] | None = None
        self._compared: Compared | None = None
        self._worker: Any = None
        self._curve: ReviewCurve | None = None
        self._truth = SourceBox(
            "before_after_truth",
            "A labels layer; a label image or a stack of masks; a folder of them named like the "
            "images; or a COCO file",
            viewer,
            self._load,
            "No truth",
        )
        self._status = QLabel(_EXPLANATION)
        self._status.setObjectName("before_after_status")
        self._status.setWordWrap(True)
        self._table = self._build_table()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._truth, self._status, self._table):
            self._layout.addWidget(widget)
        self._table.hide()
        viewer.events.theme.connect(self._draw)

    @property
    def loading(self) -> bool:
        """Whether the truth is being read."""
        return self._worker is not None

    @property
    def compared(self) -> Compared | None:
        """What is shown."""
        return self._compared

    def choose_truth(self, truth: Any) -> None:
        """Choose a labels layer, a path, or None."""
        self._truth.choose(truth)

    def show_session(self, session: CurationSession | None, plane: tuple[int, ...] = ()) -> None:
        """Follow a session, of a plane of a stack; of another image, the truth is read anew."""
        if session is not self._session:
            self._session, self._plane = session, plane
            self._load()
        elif self._compared is not None and session is not None:
            self._follow(session)

    def close_view(self) -> None:
        """Let go of everything; a file that is being read is forgotten."""
        self._session = self._compared = self._worker = None
        self._viewer.events.theme.disconnect(self._draw)

    def _load(self) -> None:
        """Score the session against what is chosen, in a thread of its own."""
        self._compared = self._worker = self._steps = None
        session = self._session
        try:
            truth = self._truth.chosen(self._plane)
        except InputError as error:
            self._show_nothing(str(error))
            return
        self._show_nothing(_EXPLANATION if truth is None else "")
        if session is None or truth is None:
            return
        self._status.setText("Reading the truth…")
        worker = create_worker(
            compare,
            truth,
            session.prediction,
            session.steps,
            _start_thread=False,
            # `_failed` tells those that are meant for the user, and raises the others.
            _ignore_errors=True,
            _progress={"desc": "Reading the truth"},
        )
        # A result that was overtaken by another choice is dropped: its worker is not ours any more.
        # Not by a lambda: Qt ends these connections with the widget.
        worker.returned.connect(partial(self._loaded, worker))
        worker.errored.connect(partial(self._failed, worker))
        self._worker = worker
        worker.start()

    def _loaded(self, worker: Any, compared: Compared) -> None:
        if worker is not self._worker or self._session is None:
            return
        self._worker, self._compared = None, compared
        self._status.setText("" if compared.random else _TOO_LARGE)
        self._status.setVisible(not compared.random)
        self._table.show()
        self._follow(self._session)

    def _failed(self, worker: Any, error: Exception) -> None:
        if worker is not self._worker:
            return
        self._worker = None
        if not isinstance(error, ProbinstError):
            self._status.setText("The truth could not be read.")
            raise error
        self._status.setText(str(error))
        show_error(str(error))

    def _follow(self, session: CurationSession) -> None:
        steps = session.steps
        if self._compared is None or steps == self._steps:
            return
        self._steps = steps
        scores = self._compared.scores
        scores.catch_up(steps)
        for (name, *_), before, now in zip(
            _ROWS, _values(scores.before), _values(scores.now), strict=True
        ):
            digits = ".3f" if name == "dsb" else "d"
            self._cells[name, "before"].setText(f"{before:{digits}}")
            self._cells[name, "now"].setText(f"{now:{digits}}")
            change = f"{now - before:+{digits}}" if now != before else ""
            self._cells[name, "change"].setText(change.replace("-", "−"))
        self._draw()

    def _draw(self, _event: Any = None) -> None:
        if self._compared is None:
            return
        if self._curve is None:
            # Matplotlib is imported when there is something to draw.
            from napari_probinst.widgets.proofreading.review_curve import ReviewCurve

            self._curve = ReviewCurve()
            self._layout.addWidget(self._curve)
        self._curve.show()
        ours = [score.dsb for score in self._compared.scores.curve]
        self._curve.show_curves(ours, self._compared.random, str(self._viewer.theme))

    def _show_nothing(self, text: str) -> None:
        self._status.setText(text)
        self._status.show()
        self._table.hide()
        if self._curve is not None:
            self._curve.hide()

    def _build_table(self) -> QWidget:
        table = QWidget()
        grid = QGridLayout(table)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(0, 1)
        columns = ("before", "now", "change")
        for column, title in enumerate(columns, start=1):
            grid.addWidget(_number(title), 0, column)
        self._cells: dict[tuple[str, str], QLabel] = {}
        for row, (name, text, tooltip) in enumerate(_ROWS, start=1):
            label = QLabel(text)
            label.setToolTip(tooltip)
            grid.addWidget(label, row, 0)
            for column, moment in enumerate(columns, start=1):
                cell = _number("")
                cell.setObjectName(f"{name} {moment}")
                self._cells[name, moment] = cell
                grid.addWidget(cell, row, column)
        return table


def _values(score: Score) -> tuple[float, ...]:
    """Numbers of the rows, in the order of `_ROWS`."""
    errors = score.errors
    return (
        score.dsb,
        score.hits[0],
        errors.false_merges,
        errors.false_splits,
        errors.misses,
        errors.spurious,
    )


def _number(text: str) -> QLabel:
    made = QLabel(text)
    made.setAlignment(Qt.AlignmentFlag.AlignRight)
    return made
