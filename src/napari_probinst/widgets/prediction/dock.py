"""The Predict dock: from an image layer to instances, uncertainty and ranked peaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QToolButton,
)
from superqt import QCollapsible

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.core.network.checkpoint import read_header
from napari_probinst.core.network.device import DEVICES
from napari_probinst.models import DEFAULT_MODEL
from napari_probinst.widgets.layers import (
    image_name,
    remove_layers,
    show_prediction,
    shown_of_image,
)
from napari_probinst.widgets.prediction.channels import (
    ChannelSource,
    channel_sources,
    read_channels,
    suggest_sources,
)
from napari_probinst.widgets.prediction.worker import PredictionTask, start_prediction
from napari_probinst.widgets.remembered import known_models
from napari_probinst.widgets.scrolling_dock import ScrollingDock, button
from napari_probinst.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from napari.layers import Image
    from napari.qt.threading import GeneratorWorker

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.network.checkpoint import ModelHeader
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget

_ABSENT = "absent"
_MAIN_SETTINGS = ("n_draws",)
_THRESHOLDS = (
    "flips",
    "probability_threshold",
    "min_size",
    "bandwidth",
    "cluster_threshold",
    "n_seeds",
    "patch",
    "ranking",
    "seed",
)


class PredictWidget(ScrollingDock):
    """Choose an image, a model and its settings; run it in a thread of its own.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer that the dock belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._worker: GeneratorWorker | None = None
        self._header: ModelHeader | None = None
        self._channel_boxes: list[QComboBox] = []
        #: Whether the user chose channels: they then stay when other layers come.
        self._chosen_by_hand = False
        #: Last step of the corrections that the user agreed to lose.
        self._given_up: Step | None = None
        #: The Proofread dock, once it was opened from here.
        self.proofread: ProofreadWidget | None = None
        #: Asks a question; tests put their own answer here.
        self.confirm = self._ask
        self._build()
        self._layer_events = [
            getattr(napari_viewer.layers.events, name)
            for name in ("inserted", "removed", "renamed")
        ]
        for event in self._layer_events:
            event.connect(self._refresh_layers)
        self.refresh_models()

    # What is shown -------------------------------------------------------------------------

    def _build(self) -> None:
        self._models = QComboBox()
        self._models.setObjectName("model")
        self._models.activated.connect(lambda _: self._model_chosen())
        browse = QToolButton()
        browse.setObjectName("browse")
        browse.setText("…")
        browse.setToolTip("Choose a model file (.safetensors)")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._models, stretch=1)
        row.addWidget(browse)

        self._form = QFormLayout()
        self._form.addRow("Model", row)
        self._channel_rows = QFormLayout()
        self._devices = QComboBox()
        self._devices.setObjectName("device")
        self._devices.addItems(DEVICES)
        self._devices.setToolTip("auto takes a graphics processor where there is one")
        self._draws = SettingsForm(InferenceConfig(), _MAIN_SETTINGS)
        self._thresholds = SettingsForm(InferenceConfig(), _THRESHOLDS)
        collapsible = QCollapsible("Thresholds, ranking and seed")
        collapsible.setDuration(0)
        collapsible.addWidget(self._thresholds)

        self._run = button("run", "Run", "Predict the chosen image", self.run)
        self._cancel = button("cancel", "Cancel", "Stop after the draw that runs", self.cancel)
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._status = QLabel()
        self._status.setObjectName("status")
        self._status.setWordWrap(True)
        self._proofread = button(
            "open_proofread",
            "Proofread",
            "Go through the places where the draws disagree",
            self.open_proofread,
        )
        device_row = QFormLayout()
        device_row.addRow("Device", self._devices)
        buttons = QHBoxLayout()
        buttons.addWidget(self._run)
        buttons.addWidget(self._cancel)
        self.content.addLayout(self._form)
        self.content.addLayout(self._channel_rows)
        self.content.addWidget(self._draws)
        self.content.addLayout(device_row)
        self.content.addWidget(collapsible)
        self.content.addLayout(buttons)
        self.content.addWidget(self._bar)
        self.content.addWidget(self._status)
        self.content.addWidget(self._proofread)
        self._show_running(running=False)

    def refresh_models(self) -> None:
        """List the bundled models and those trained here, and choose the default one."""
        for name, path in known_models().items():
            self._models.addItem(name, path)
        self._models.setCurrentIndex(max(self._models.findText(DEFAULT_MODEL), 0))
        self._model_chosen()

    def add_model(self, path: Path) -> None:
        """Add a model file to the list, unless it is there, and choose it."""
        self.offer_model(path)
        self._models.setCurrentIndex(self._listed().index(path))
        self._model_chosen()

    def offer_model(self, path: Path) -> None:
        """Add a model file to the list, unless it is there; the chosen one stays chosen."""
        if path not in self._listed():
            self._models.addItem(path.name, path)

    def _listed(self) -> list[Path]:
        return [self._models.itemData(index) for index in range(self._models.count())]

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose a model", "", "Models (*.safetensors);;All files (*)"
        )
        if path:
            self.add_model(Path(path))

    def _model_chosen(self) -> None:
        """Show the chosen model's channels and its own settings."""
        self._header = None
        path = self._models.currentData()
        if path is None:
            self._status.setText("No model is bundled; choose a model file with the … button.")
        else:
            try:
                self._header = read_header(path)
            except ProbinstError as error:
                self._models.removeItem(self._models.currentIndex())
                show_error(str(error))
                self._status.setText(str(error))
        self._show_channel_rows()
        if self._header is not None:
            self._draws.set_settings(self._header.inference)
            self._thresholds.set_settings(self._header.inference)
            self._status.setText(self._header.description)
        self._show_running(running=self.running)

    def _show_channel_rows(self) -> None:
        while self._channel_rows.rowCount():
            self._channel_rows.removeRow(0)
        self._channel_boxes = []
        self._chosen_by_hand = False
        if self._header is None:
            return
        for channel in self._header.network.channels:
            box = QComboBox()
            box.setObjectName(f"channel {channel.name}")
            needed = "needed" if channel.required else "may be absent"
            box.setToolTip(f"Image layer of the channel '{channel.name}' ({needed})")
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.activated.connect(self._channel_chosen)
            self._channel_boxes.append(box)
            self._channel_rows.addRow(channel.name.capitalize(), box)
        self._refresh_layers()

    def _refresh_layers(self, _event: Any = None) -> None:
        """Offer the layers there are; what was chosen stays chosen."""
        if self._header is None:
            return
        channels = self._header.network.channels
        sources = channel_sources(list(self._viewer.layers), len(channels))
        before = self._chosen()
        suggested = suggest_sources(sources, channels, self._viewer.layers.selection.active)
        keep = self._chosen_by_hand and any(source in sources for source in before)
        for number, (box, channel) in enumerate(zip(self._channel_boxes, channels, strict=True)):
            wanted = before[number] if keep else suggested[number]
            box.clear()
            if not channel.required:
                box.addItem(_ABSENT, None)
            for source in sources:
                box.addItem(source.label, source)
            if wanted in sources:
                box.setCurrentIndex(sources.index(wanted) + (not channel.required))
            elif not channel.required:
                box.setCurrentIndex(0)
        self._show_running(running=self.running)

    def _channel_chosen(self, _index: int) -> None:
        self._chosen_by_hand = True
        self._show_running(running=self.running)

    def _chosen(self) -> list[ChannelSource | None]:
        return [box.currentData() for box in self._channel_boxes]

    def _show_running(self, *, running: bool) -> None:
        self._run.setEnabled(not running and self._header is not None)
        self._cancel.setEnabled(running)
        self._bar.setVisible(running)
        image = self._image()
        self._proofread.setEnabled(
            image is not None and shown_of_image(self._viewer, image) is not None
        )

    @property
    def running(self) -> bool:
        """Whether a prediction runs."""
        return self._worker is not None

    # What happens --------------------------------------------------------------------------

    def run(self) -> None:
        """Predict the chosen image; an earlier result stays until the new one is there."""
        if self.running:
            return
        try:
            task = self._task()
        except ProbinstError as error:
            show_error(str(error))
            self._status.setText(str(error))
            return
        image = self._image()
        self._given_up = None
        if image is None or not self._may_replace(image):
            return
        self._bar.setRange(0, 0)
        self._status.setText("Reading the model…")
        self._worker = start_prediction(
            task,
            on_progress=self._progressed,
            on_result=lambda prediction: self._finished(prediction, image),
            on_error=self._failed,
            on_cancelled=lambda: self._status.setText("Cancelled; nothing was changed."),
            on_finished=self._ended,
        )
        self._show_running(running=True)

    def _may_replace(self, image: Image) -> bool:
        """Whether there is nothing to lose, or the user agrees to lose it."""
        earlier = shown_of_image(self._viewer, image)
        last = None if earlier is None else earlier.session.undo_step
        if last is None or last is self._given_up:
            return True
        question = (
            f"'{image.name}' has corrections. Predict again? They stay on disk; the same settings "
            "take them up again."
        )
        if not self.confirm(question):
            return False
        self._given_up = last
        return True

    def cancel(self) -> None:
        """Stop after the draw that is running."""
        if self._worker is not None:
            self._worker.quit()
            self._cancel.setEnabled(False)
            self._status.setText("Cancelling…")

    def _task(self) -> PredictionTask:
        path = self._models.currentData()
        if self._header is None or path is None:
            raise InputError("No model is chosen; choose a model file with the … button.")
        channels, present = read_channels(self._chosen(), self._header.network.channels)
        settings = self._thresholds.settings()
        settings = settings.model_copy(update={"n_draws": self._draws.settings().n_draws})
        image = self._image()
        return PredictionTask(
            model=path,
            device=self._devices.currentText(),
            channels=channels,
            present=present,
            settings=settings,
            name="image" if image is None else image_name(image),
            pixel_size=_micrometres(image),
        )

    def _image(self) -> Image | None:
        """Layer of the first channel that is there: it names and places the result."""
        return next((source.layer for source in self._chosen() if source is not None), None)

    def _progressed(self, progress: tuple[int, int]) -> None:
        done, total = progress
        self._bar.setRange(0, total)
        self._bar.setValue(done)
        if self._cancel.isEnabled():
            running = "Putting the draws together…" if done == total else "Predicting:"
            self._status.setText(f"{running} {done} of {total} draws")

    def _finished(self, prediction: Prediction, image: Image) -> None:
        if image not in list(self._viewer.layers):
            show_warning(f"'{image.name}' was removed meanwhile; its prediction is shown alone.")
        # The user may have gone on correcting meanwhile.
        if not self._may_replace(image):
            self._status.setText("The new prediction was dropped; the corrections are kept.")
            return
        earlier = shown_of_image(self._viewer, image)
        if earlier is not None:
            remove_layers(self._viewer, earlier)
        session = CurationSession(prediction)
        show_prediction(self._viewer, prediction, session, image)
        n_instances, n_peaks = len(session.instances), len(prediction.peaks)
        self._status.setText(
            f"{n_instances} {'instance' if n_instances == 1 else 'instances'}; the draws disagree "
            f"at {n_peaks} {'place' if n_peaks == 1 else 'places'}."
        )

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ProbinstError):
            self._status.setText("The prediction failed; nothing was changed.")
            raise error
        show_error(str(error))
        self._status.setText(str(error))

    def _ended(self) -> None:
        self._worker = None
        self._show_running(running=False)

    def open_proofread(self) -> None:
        """Open the Proofread dock on the chosen image's prediction."""
        _, self.proofread = self._viewer.window.add_plugin_dock_widget(
            "napari-probinst", "Proofread"
        )
        image = self._image()
        shown = None if image is None else shown_of_image(self._viewer, image)
        if shown is not None:
            self.proofread.choose(shown)

    def _ask(self, question: str) -> bool:
        answer = QMessageBox.question(self, "Predict", question)
        return bool(answer == QMessageBox.StandardButton.Yes)

    def on_close(self) -> None:
        """Stop a prediction that runs, and stop watching the layers."""
        self.cancel()
        for event in self._layer_events:
            event.disconnect(self._refresh_layers)


def _micrometres(layer: Image | None) -> tuple[float, float] | None:
    """Size of a pixel where the layer's units are lengths."""
    if layer is None or not all(unit.is_compatible_with("micrometer") for unit in layer.units[-2:]):
        return None
    y, x = (
        float((scale * unit).to("micrometer").magnitude)
        for scale, unit in zip(layer.scale[-2:], layer.units[-2:], strict=True)
    )
    return y, x
