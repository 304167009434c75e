"""The Train dock: from folders of corrected images to a model, in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QProgressBar,
    QWidget,
)

from napari_probinst.core.errors import ProbinstError
from napari_probinst.widgets.open_dock import open_dock
from napari_probinst.widgets.remembered import last_training
from napari_probinst.widgets.scrolling_dock import ScrollingDock, form_button
from napari_probinst.widgets.training.form import TrainForm
from napari_probinst.widgets.training.log import Ended, has_checkpoint
from napari_probinst.widgets.training.monitor import TrainingMonitor, end_text
from napari_probinst.widgets.wording import clock_text

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.widgets.training.curves import TrainingCurves
    from napari_probinst.widgets.training.log import TrainingRequest
    from napari_probinst.widgets.training.monitor import TrainingState

#: Parts of the progress bar.
_PARTS = 1000
_STOP_AND_KEEP = "End after the step that runs, and write the model"


class TrainWidget(ScrollingDock):
    """Say what is to be trained; watch it, stop it, use its model.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._monitor: TrainingMonitor | None = None
        self._curves: TrainingCurves | None = None
        #: Asks a question; tests put their own answer here.
        self.confirm = self._ask
        self.form = TrainForm()
        self._build()
        self._viewer.events.theme.connect(self._draw)
        self._show_state()

    def _build(self) -> None:
        self._run = form_button("run", "Train", "Train in a process of its own", self.run)
        self._stop = form_button("stop", "Stop and keep", _STOP_AND_KEEP, self.stop)
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._status = QLabel("Add a folder of images with their instances.")
        self._status.setObjectName("status")
        self._status.setWordWrap(True)
        self._place_of_curves = QHBoxLayout()
        self._predict = form_button(
            "predict", "Predict with it", "Open the Predict dock with this model", self.predict
        )
        buttons = QHBoxLayout()
        buttons.addWidget(self._run)
        buttons.addWidget(self._stop)
        self.content.addWidget(self.form)
        self.content.addLayout(buttons)
        self.content.addWidget(self._bar)
        self.content.addWidget(self._status)
        self.content.addWidget(self._predict)
        self.content.addLayout(self._place_of_curves)

    # What happens --------------------------------------------------------------------------

    @property
    def monitor(self) -> TrainingMonitor | None:
        """The training that is shown; it may be over."""
        return self._monitor

    @property
    def running(self) -> bool:
        """Whether a training runs."""
        return self._monitor is not None and self._monitor.running

    def run(self) -> None:
        """Start the training."""
        if self.running:
            return
        try:
            request = self.form.request()
            if self._may_replace(request):
                self._watch(TrainingMonitor.start(request, _main_window(self)))
        except ProbinstError as error:
            self._refuse(error)

    def stop(self) -> None:
        """Stop and keep the model; where that was asked for already, end the process at once."""
        monitor = self._monitor
        if monitor is None:
            return
        if not monitor.state.stopping:
            try:
                monitor.stop()
            except ProbinstError as error:
                self._refuse(error)
        elif self.confirm("End the training at once, without writing the model?"):
            monitor.kill()

    def predict(self) -> None:
        """Open the Predict dock with the trained model."""
        end = None if self._monitor is None else self._monitor.state.end
        if isinstance(end, Ended):
            from napari_probinst.widgets.prediction.dock import PredictWidget

            open_dock(self._viewer, "Predict", PredictWidget).add_model(end.model)

    def _may_replace(self, request: TrainingRequest) -> bool:
        if request.resume:
            return True
        if request.output.exists():
            return self.confirm(f"{request.output} exists. Train anew, and replace it at the end?")
        if has_checkpoint(request.output):
            return self.confirm(
                f"A training of {request.output} was begun, and could go on. Begin anew?"
            )
        return True

    def showEvent(self, event: Any) -> None:
        """Find a training that was started before this dock was opened."""
        super().showEvent(event)
        if self._monitor is None:
            self._find()

    def _find(self) -> None:
        window = _main_window(self)
        monitors = [] if window is None else window.findChildren(TrainingMonitor)
        folder = last_training()
        found = monitors[-1] if monitors else None
        if found is None and folder is not None:
            found = TrainingMonitor.find(folder, window)
        if found is not None:
            self._watch(found)

    def _watch(self, monitor: TrainingMonitor) -> None:
        self._unwatch()
        self._monitor = monitor
        monitor.updated.connect(self._show_state)
        monitor.ended.connect(self._ended)
        if self._curves is None:
            # matplotlib is imported when there is something to draw.
            from napari_probinst.widgets.training.curves import TrainingCurves

            self._curves = TrainingCurves()
            self._place_of_curves.addWidget(self._curves)
        self._show_state()

    def _unwatch(self) -> None:
        if self._monitor is not None:
            self._monitor.updated.disconnect(self._show_state)
            self._monitor.ended.disconnect(self._ended)

    def _ended(self) -> None:
        end = None if self._monitor is None else self._monitor.state.end
        if isinstance(end, Ended):
            self.form.list_models()
            offer_model(self._viewer, end.model)
        self.form.offer_to_go_on()
        self._show_state()

    # What is shown -------------------------------------------------------------------------

    def _show_state(self) -> None:
        running = self.running
        self._run.setEnabled(not running)
        self._stop.setEnabled(running)
        self._bar.setVisible(running)
        monitor = self._monitor
        self._predict.setVisible(monitor is not None and isinstance(monitor.state.end, Ended))
        if monitor is None:
            return
        state = monitor.state
        self._stop.setText("Stop at once" if running and state.stopping else "Stop and keep")
        self._stop.setToolTip(
            "End it without writing the model; its last checkpoint is kept"
            if state.stopping
            else _STOP_AND_KEEP
        )
        # Without a step there is no telling how far it is: the bar then only moves.
        self._bar.setRange(0, 0 if state.step is None else _PARTS)
        self._bar.setValue(0 if state.step is None else round(_PARTS * state.step.progress))
        self._status.setText(_state_text(state, monitor.request))
        self._draw()

    def _draw(self, _event: Any = None) -> None:
        if self._curves is not None and self._monitor is not None:
            state = self._monitor.state
            self._curves.show_curves(state.losses, state.scores, str(self._viewer.theme))

    def _refuse(self, error: Exception) -> None:
        show_error(str(error))
        self._status.setText(str(error))

    def _ask(self, question: str) -> bool:
        answer = QMessageBox.question(self, "Train", question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def on_close(self) -> None:
        """Leave a training that runs to the window: it goes on, and tells its end."""
        self._unwatch()
        self._viewer.events.theme.disconnect(self._draw)


def offer_model(viewer: Any, path: Path) -> None:
    """List a trained model in the Predict docks that are open."""
    from napari_probinst.widgets.prediction.dock import PredictWidget

    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, PredictWidget):
            widget.offer_model(path)


def _state_text(state: TrainingState, request: TrainingRequest) -> str:
    """What the training is doing, in a sentence."""
    if state.end is not None:
        lies = f" It lies in {state.end.model.parent}." if isinstance(state.end, Ended) else ""
        return end_text(state.end) + lies
    if state.stopping:
        return "Stopping after the step that runs; the model is written then."
    if state.data is None:
        return f"Starting, and reading {', '.join(path.name for path in request.data)}…"
    images = f"{state.data.training} images to train on, {state.data.validation} in each score"
    if state.step is None:
        return f"{images}. The first step is being made…"
    best = max((score for _, score in state.scores), default=None)
    scored = "" if best is None else f" · best DSB {best:.3f}"
    if state.scoring:
        return f"Step {state.step.step}: scoring the validation images…{scored}\n{images}"
    left = "" if state.step.left is None else f" · {clock_text(state.step.left)} left"
    return f"Step {state.step.step} · loss {state.step.loss:.3g}{left}{scored}\n{images}"


def _main_window(widget: QWidget) -> QWidget | None:
    """Main window of a docked widget, also where its dock floats."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent
