"""The Evaluate dock: a prediction or its corrections against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QToolButton,
)

from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.widgets.evaluation.evaluation import (
    Curated,
    EvaluationTask,
    evaluate_in_steps,
    start_worker,
    write_reports,
)
from napari_probinst.widgets.evaluation.results import ResultsView
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.path_rows import beside, browse_button, shrinking_box
from napari_probinst.widgets.scrolling_dock import ScrollingDock
from napari_probinst.widgets.truth import LayerTruth

if TYPE_CHECKING:
    from napari_probinst.widgets.evaluation.evaluation import Evaluated

#: Role of an entry's tooltip.
_TOOLTIP = Qt.ItemDataRole.ToolTipRole
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
        self._predicted = shrinking_box(
            "predicted",
            "A prediction shown in the viewer, with its corrections; a results folder; a session; "
            "or a COCO file",
        )
        self._truth = shrinking_box(
            "truth",
            "A labels layer; a folder of label images or stacks of masks named like the images; "
            "such a file; or a COCO file",
        )
        rows = QFormLayout()
        for label, box, name in (
            ("Scored", self._predicted, "predicted"),
            ("Truth", self._truth, "truth"),
        ):
            rows.addRow(label, beside(box, self._browse_button(box, name)))
        self._run = _button("run", "Evaluate", "Score the instances", self.run)
        self._cancel = _button("cancel", "Cancel", "Stop after the part that runs", self.cancel)
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._bar.setRange(0, 0)
        self._status = QLabel(_NOTHING_CHOSEN)
        self._status.setObjectName("status")
        self._status.setWordWrap(True)
        self._write = _button(
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

    def _browse_button(self, box: QComboBox, name: str) -> QToolButton:
        """Button with a menu: there are folders and files to be chosen."""
        made = browse_button(f"browse_{name}", "Choose a folder or a file", lambda: None)
        menu = QMenu(made)
        menu.addAction("Folder…", lambda: self._browse_folder(box))
        menu.addAction("File…", lambda: self._browse_file(box))
        made.setMenu(menu)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        return made

    # What is chosen ------------------------------------------------------------------------

    def choose_predicted(self, path: Path) -> None:
        """Score a results folder, a session, or a COCO file."""
        _choose(self._predicted, path)
        self._show_running()

    def choose_truth(self, path: Path) -> None:
        """Score against a folder or file."""
        _choose(self._truth, path)
        self._show_running()

    def _browse_folder(self, box: QComboBox) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder")
        if folder:
            _choose(box, Path(folder))
            self._show_running()

    def _browse_file(self, box: QComboBox) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose a file", "", "Masks, label images, COCO (*.tif *.tiff *.png *.json)"
        )
        if path:
            _choose(box, Path(path))
            self._show_running()

    def _refresh_layers(self, _event: Any = None) -> None:
        """Offer the layers there are; what was chosen stays chosen."""
        shown = list(shown_predictions(self._viewer))
        results = [each.instances for each in shown]
        labels = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels) and layer not in results
        ]
        _offer(self._predicted, [(f"{each.title} (viewer)", each) for each in shown])
        _offer(self._truth, [(f"{layer.name} (layer)", layer) for layer in labels])
        self._show_running()

    def _task(self) -> EvaluationTask:
        chosen, truth = self._predicted.currentData(), self._truth.currentData()
        if chosen is None or truth is None:
            raise InputError(_NOTHING_CHOSEN)
        plane: tuple[int, ...] = ()
        if not isinstance(chosen, Path):
            plane = chosen.plane
            chosen = Curated(chosen.session.prediction, dict(chosen.session.instances))
        if not isinstance(truth, Path):
            truth = LayerTruth.of(truth, plane)
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
        self._worker = start_worker(
            evaluate_in_steps,
            task,
            on_progress=self._say,
            on_result=self._show,
            on_error=self._failed,
            on_finished=self._ended,
        )
        self._show_running()

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
        self._say("Writing the report…")
        self._worker = start_worker(
            write_reports,
            self._evaluated,
            folder,
            on_result=self._open,
            on_error=self._failed,
            on_finished=self._ended,
        )
        self._show_running()

    def _show(self, evaluated: Evaluated) -> None:
        if self._closed:
            return
        self._evaluated = evaluated
        self._say(self._results.show_results(evaluated))

    def _open(self, page: Path) -> None:
        self._page = page
        self._say(f"Report: {page}")
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))

    def _say(self, text: str) -> None:
        if not self._closed:
            self._status.setText(text)

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
        chosen = self._predicted.currentData() is not None and self._truth.currentData() is not None
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


def _choose(box: QComboBox, path: Path) -> None:
    """List a path after the layers, unless it is there, and choose it."""
    entries = [box.itemData(index) for index in range(box.count())]
    if path not in entries:
        box.addItem(path.name, path)
        box.setItemData(box.count() - 1, str(path), _TOOLTIP)
        entries.append(path)
    box.setCurrentIndex(entries.index(path))


def _offer(box: QComboBox, layers: list[tuple[str, Any]]) -> None:
    """List layers, then the paths that were chosen before."""
    chosen = box.currentData()
    paths = [box.itemData(index) for index in range(box.count())]
    box.clear()
    for title, layer in layers:
        box.addItem(title, layer)
    for path in paths:
        if isinstance(path, Path):
            _choose(box, path)
    entries = [box.itemData(index) for index in range(box.count())]
    places = [index for index, entry in enumerate(entries) if entry is chosen or entry == chosen]
    box.setCurrentIndex(places[0] if places else min(box.count(), 1) - 1)
    if not entries:
        box.setPlaceholderText("choose a folder or file")


def _button(name: str, text: str, tooltip: str, clicked: Any) -> QPushButton:
    made = QPushButton(text)
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.clicked.connect(lambda _: clicked())
    return made
