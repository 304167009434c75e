"""Scores and figures of an evaluation in a dock, before and after corrections side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_probinst.widgets.evaluation.evaluation import CORRECTED, PREDICTED
from napari_probinst.widgets.evaluation.figure_view import FigureView
from napari_probinst.widgets.evaluation.table_view import TableView
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.path_rows import shrinking_box

if TYPE_CHECKING:
    from napari_probinst.core.evaluation.evaluate import Evaluation
    from napari_probinst.core.evaluation.report_tables import Table
    from napari_probinst.widgets.evaluation.evaluation import Evaluated

#: Scores of the summary by their names in report.json.
_SCORES = {
    "dsb_image": "DSB, mean over images",
    "dsb_global": "DSB, all instances",
    "precision": "precision, mean over IoU",
    "precision50": "precision at IoU 0.5",
    "recall80": "recall at IoU 0.8",
    "panoptic_quality": "panoptic quality",
    "coco_ap": "COCO AP, by score",
}
#: Kinds of errors by their names in `ErrorCounts`.
_ERRORS = {
    "false_splits": "false splits",
    "false_merges": "false merges",
    "misses": "missed",
    "spurious": "spurious",
    "inexact": "inexact",
}
_FIGURES = {
    "thresholds": "Scores over the IoU threshold",
    "samples": "Samples",
    "uncertainty": "Uncertainty over the threshold",
    "reliability": "Reliability of the probabilities",
    "risk_coverage": "Risk and coverage",
    "worst": "The worst instances",
}


class ResultsView(QWidget):
    """A summary, and below it all tables and figures of one state."""

    def __init__(self) -> None:
        super().__init__()
        self._evaluated: Evaluated | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._details: QWidget | None = None

    def show_results(self, evaluated: Evaluated) -> str:
        """Show scores; return what they are of, in a sentence."""
        self._evaluated = evaluated
        while (item := self._layout.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self._details = None
        self._layout.addWidget(TableView(summary_table(evaluated), "summary"))
        states = list(evaluated.scores)
        if len(states) > 1:
            box = shrinking_box("state", "Whose tables and figures are shown below")
            for state in states:
                box.addItem(f"Details of the {state} instances", state)
            box.activated.connect(lambda index: self._show_details(states[index]))
            self._layout.addWidget(box)
        self._show_details(states[0])
        first = evaluated.scores[PREDICTED]
        images = "image" if len(first.images) == 1 else "images"
        return (
            f"{len(first.images)} {images}, {first.scores.n_true} true and "
            f"{first.scores.n_predicted} predicted instances."
        )

    def _show_details(self, state: str) -> None:
        if self._evaluated is None:
            return
        if self._details is not None:
            self._layout.removeWidget(self._details)
            self._details.deleteLater()
        details = QWidget()
        layout = QVBoxLayout(details)
        layout.setContentsMargins(0, 0, 0, 0)
        for title, tables in _sections(self._evaluated.scores[state]).items():
            parts = [
                TableView(table, f"{title} {place}") for place, table in enumerate(tables, start=1)
            ]
            notes = [table.note for table in tables]
            layout.addWidget(_section(title, [*zip(parts, notes, strict=True)]))
        for name, figure in self._evaluated.figures[state].items():
            title = _FIGURES.get(name, name.replace("_", " ").capitalize())
            layout.addWidget(_section(title, [(FigureView(figure), figure.caption)]))
        self._details = details
        self._layout.addWidget(details)


def summary_table(evaluated: Evaluated) -> Table:
    """Scores with their intervals, or before and after corrections with the change."""
    from napari_probinst.core.evaluation.report_tables import Table

    before = evaluated.scores[PREDICTED]
    after = evaluated.scores.get(CORRECTED)
    columns: tuple[str, ...]
    scores: list[tuple[str, ...]]
    errors: list[tuple[str, ...]]
    if after is None:
        columns = ("score", "value", "95 % interval")
        scores = [_with_interval(before, name, title) for name, title in _SCORES.items()]
        errors = [(title, str(_errors(before, name)), "") for name, title in _ERRORS.items()]
    else:
        columns = ("score", "predicted", "corrected", "change")
        scores = [_with_change(before, after, name, title) for name, title in _SCORES.items()]
        errors = [
            (
                title,
                str(_errors(before, name)),
                str(_errors(after, name)),
                f"{_errors(after, name) - _errors(before, name):+d}",
            )
            for name, title in _ERRORS.items()
        ]
    return Table(
        columns,
        (*scores, *errors),
        "DSB is TP / (TP + FP + FN); means are over IoU 0.50, 0.55, … 0.95. Errors are counted at "
        "IoU 0.5. Intervals: bootstrap over images.",
        frozenset({0}),
    )


def _with_interval(evaluation: Evaluation, name: str, title: str) -> tuple[str, ...]:
    from napari_probinst.core.evaluation.report_tables import number

    bounds = evaluation.intervals.get(name, ())
    return title, number(evaluation.headline()[name]), " to ".join(map(number, bounds))


def _with_change(before: Evaluation, after: Evaluation, name: str, title: str) -> tuple[str, ...]:
    from napari_probinst.core.evaluation.report_tables import number

    first, second = before.headline()[name], after.headline()[name]
    change = "" if first is None or second is None else f"{second - first:+.3f}"
    return title, number(first), number(second), change


def _errors(evaluation: Evaluation, name: str) -> int:
    return int(getattr(evaluation.scores.errors, name))


def _sections(evaluation: Evaluation) -> dict[str, tuple[Table, ...]]:
    """Tables of the report by the title they have in the dock."""
    from napari_probinst.core.evaluation import report_tables as tables

    uncertainty = evaluation.uncertainty
    sections: dict[str, tuple[Table, ...]] = {
        "All scores": (_without_last_column(tables.headline_table(evaluation)),),
        "By IoU threshold": (tables.threshold_table(evaluation),),
        "Errors by kind": (tables.error_table(evaluation),),
    }
    if uncertainty is not None:
        sections["Uncertainty"] = (
            tables.uncertainty_table(uncertainty),
            tables.detection_table(uncertainty),
            tables.confidence_table(uncertainty),
        )
    if evaluation.worst:
        sections["Worst instances"] = (tables.worst_table(evaluation),)
    sections["By image"] = (tables.image_table(evaluation),)
    return sections


def _without_last_column(table: Table) -> Table:
    """Leave out the names in report.json: the dock has no room for them, and no use."""
    rows = tuple(row[:-1] for row in table.rows)
    return replace(table, columns=table.columns[:-1], rows=rows)


def _section(title: str, parts: list[tuple[QWidget, str]]) -> Fold:
    """Widgets with a note below each, folded up."""
    widgets: list[QWidget] = []
    for widget, note in parts:
        widgets.append(widget)
        if note:
            label = QLabel(note)
            label.setWordWrap(True)
            widgets.append(label)
    return Fold(title, *widgets)
