"""The Evaluate dock: a prediction or its corrections against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QFormLayout, QHBoxLayout, QLabel, QProgressBar

from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.widgets.evaluation.evaluation import (
    Curated,
    EvaluationTask,
    evaluate_in_steps,
    start_worker,
    write_in_steps,
)
from napari_probinst.widgets.evaluation.results import ResultsView
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.scrolling_dock import ScrollingDock, form_button
from napari_probinst.widgets.source_box import EntryBox, SourceBox

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_probinst.widgets.evaluation.evaluation import Evaluated
    from napari_probinst.widgets.layers import ShownPrediction

_EVENTS = ("inserted", "removed", "renamed")
_NOTHING_CHOSEN = "Choose what is to be scored, and the truth."


class EvaluateWidget(ScrollingDock):
    """Choose a prediction and its truth; read scores and figures, and write the report.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._worker: Any = None
        self._evaluated: Evaluated | None = None
        self._page: Path | None = None
        #: Asks for the report's folder, or None; tests put their own answer here.
        self.choose_folder = self._ask_folder
        self._build()
        self._layer_events = [getattr(napari_viewer.layers.events, name) for name in _EVENTS]
        for event in self._layer_events:
            event.connect(self._refresh_layers)
        self._refresh_layers()
        self._show_running()

    def _build(self) -> None:
        self._predicted = EntryBox(
            "predicted",
            "A prediction shown in the viewer, with its corrections; a results folder; a session; "
            "or a COCO file",
            self._offered,
            self._show_running,
        )
        self._truth = SourceBox(
            "truth",
            "A labels layer; a folder of label images or stacks of masks named like the images; "
            "such a file; or a COCO file",
            self._viewer,
            self._show_running,
        )
        rows = QFormLayout()
        rows.addRow("Scored", self._predicted)
        rows.addRow("Truth", self._truth)
        self._run = form_button("run", "Evaluate", "Score the instances", self.run)
        self._cancel = form_button("cancel", "Cancel", "Stop after the part that runs", self.cancel)
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._bar.setRange(0, 0)
        self._status = QLabel(_NOTHING_CHOSEN)
        self._status.setObjectName("status")
        self._status.setWordWrap(True)
        self._write = form_button(
            "write",
            "Write the report…",
            "Write report.html, report.md, report.json and tables (CSV) to a folder, and open it",
            self.write,
        )
        self._results = ResultsView()
        buttons = QHBoxLayout()
        buttons.addWidget(self._run)
        buttons.addWidget(self._cancel)
        self.content.addLayout(rows)
        self.content.addLayout(buttons)
        self.content.addWidget(self._bar)
        self.content.addWidget(self._status)
        self.content.addWidget(self._write)
        self.content.addWidget(self._results)

    # What is chosen ------------------------------------------------------------------------

    def choose_predicted(self, path: Path) -> None:
        """Score a results folder, a session, or a COCO file."""
        self._predicted.choose(path)

    def choose_truth(self, path: Path) -> None:
        """Score against a folder or file."""
        self._truth.choose(path)

    def _offered(self) -> list[tuple[str, ShownPrediction]]:
        return [(f"{each.title} (viewer)", each) for each in shown_predictions(self._viewer)]

    def _refresh_layers(self, _event: Any = None) -> None:
        """Offer the layers there are; what was chosen stays chosen."""
        self._predicted.refresh()
        self._truth.refresh()
        self._show_running()

    def _task(self) -> EvaluationTask:
        chosen = self._predicted.entry
        plane = () if isinstance(chosen, Path | None) else chosen.plane
        truth = self._truth.chosen(plane)
        if chosen is None or truth is None:
            raise InputError(_NOTHING_CHOSEN)
        if not isinstance(chosen, Path):
            chosen = Curated(chosen.session.prediction, dict(chosen.session.instances))
        return EvaluationTask(chosen, truth)

    # What happens --------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether anything is being scored or written."""
        return self._worker is not None

    @property
    def evaluated(self) -> Evaluated | None:
        """The scores that are shown."""
        return self._evaluated

    @property
    def page(self) -> Path | None:
        """The report that was written last."""
        return self._page

    def run(self) -> None:
        """Score what is chosen; earlier scores stay until the new ones are there."""
        if self.running:
            return
        try:
            task = self._task()
        except ProbinstError as error:
            self._failed(error)
            return
        self._start(self._show, evaluate_in_steps, task)

    def cancel(self) -> None:
        """Stop after the part that is running."""
        if self._worker is not None:
            self._worker.quit()
            self._cancel.setEnabled(False)
            self._say("Cancelling…")

    def write(self) -> None:
        """Write the full report to a folder, and open its page."""
        if self.running or self._evaluated is None:
            return
        folder = self.choose_folder()
        if folder is None:
            return
        self._start(self._open, write_in_steps, self._evaluated, folder)

    def _start(
        self,
        on_result: Callable[[Any], None],
        steps: Callable[..., Generator[str, None, Any]],
        *arguments: Any,
    ) -> None:
        self._worker = start_worker(
            steps,
            *arguments,
            on_progress=self._say,
            on_result=on_result,
            on_cancelled=self._cancelled,
            on_error=self._failed,
            on_finished=self._ended,
        )
        # A window that closes tells its docks nothing.
        self.destroyed.connect(self._worker.quit)
        self._show_running()

    def _show(self, evaluated: Evaluated) -> None:
        if self._closed:
            return
        self._evaluated = evaluated
        self._say(self._results.show_results(evaluated))
        if evaluated.doubt:
            show_warning(evaluated.doubt)

    def _open(self, page: Path) -> None:
        if self._closed:
            return
        self._page = page
        self._say(f"Report: {page}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))

    def _say(self, text: str) -> None:
        if not self._closed:
            self._status.setText(text)

    def _cancelled(self) -> None:
        self._say("Cancelled; what was shown or written before stays.")

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ProbinstError):
            self._say("The evaluation failed; nothing was changed.")
            raise error
        show_error(str(error))
        self._say(str(error))

    def _ended(self) -> None:
        self._worker = None
        if not self._closed:
            self._show_running()

    def _show_running(self) -> None:
        chosen = self._predicted.entry is not None and self._truth.entry is not None
        self._run.setEnabled(chosen and not self.running)
        self._cancel.setEnabled(self.running)
        self._bar.setVisible(self.running)
        self._write.setVisible(self._evaluated is not None)
        self._write.setEnabled(not self.running)

    def _ask_folder(self) -> Path | None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the report")
        return Path(folder) if folder else None

    def on_close(self) -> None:
        """Stop what runs, and stop watching the layers."""
        self.cancel()
        for event in self._layer_events:
            event.disconnect(self._refresh_layers)
