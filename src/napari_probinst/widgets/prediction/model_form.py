"""The upper part of the Predict dock: the model, its channels and its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.core.config import DEVICES, InferenceConfig
from napari_probinst.core.errors import InputError, ProbinstError
from napari_probinst.core.network.header import read_header
from napari_probinst.models import DEFAULT_MODEL
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.path_rows import beside, browse_button, shrinking_box
from napari_probinst.widgets.prediction.channel_rows import ChannelRows
from napari_probinst.widgets.prediction.channels import pixel_size
from napari_probinst.widgets.prediction.words import expected_width
from napari_probinst.widgets.remembered import known_models
from napari_probinst.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from napari_probinst.core.network.header import ModelHeader

_MAIN_SETTINGS = ("n_draws", "scale")
_THRESHOLDS = (
    "flips",
    "probability_threshold",
    "existence_threshold",
    "min_size",
    "bandwidth",
    "cluster_threshold",
    "own_bandwidth",
    "n_seeds",
    "patch",
    "ranking",
    "seed",
)


class ModelForm(QWidget):
    """Choose a model, the layers of its channels, and how it draws.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    """

    #: Another model was chosen, with a sentence about it, or why there is none.
    model_chosen = Signal(str)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.header: ModelHeader | None = None
        #: Layers of the model's channels.
        self.channels = ChannelRows(viewer)
        self._width = QLabel()
        self._width.setObjectName("expected_width")
        self._width.setWordWrap(True)
        self.channels.changed.connect(self._show_width)
        self._models = shrinking_box("model", "Model that predicts")
        self._models.activated.connect(lambda _: self._read_model())
        browse = browse_button("browse", "Choose a model file (.safetensors)", self._browse)
        self._devices = shrinking_box(
            "device", "auto takes a graphics processor where there is one"
        )
        self._devices.addItems(DEVICES)
        self._draws = SettingsForm(InferenceConfig(), _MAIN_SETTINGS)
        scale = self._draws.findChild(QDoubleSpinBox, "scale")
        scale.valueChanged.connect(self._show_width)
        self._thresholds = SettingsForm(InferenceConfig(), _THRESHOLDS)
        model_row, device_row = QFormLayout(), QFormLayout()
        model_row.addRow("Model", beside(self._models, browse))
        device_row.addRow("Device", self._devices)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(model_row)
        layout.addWidget(self.channels)
        layout.addWidget(self._width)
        layout.addWidget(self._draws)
        layout.addLayout(device_row)
        layout.addWidget(Fold("Thresholds, ranking and seed", self._thresholds))

    @property
    def model(self) -> Path:
        """Path of the chosen model.

        Raises
        ------
        InputError
            If none is chosen.
        """
        path = self._models.currentData()
        if self.header is None or path is None:
            raise InputError("No model is chosen; choose a model file with the … button.")
        return Path(path)

    @property
    def device(self) -> str:
        """Device that is chosen."""
        return self._devices.currentText()

    @property
    def settings(self) -> InferenceConfig:
        """Settings as they stand in the form."""
        main = self._draws.settings().model_dump(include=set(_MAIN_SETTINGS))
        return self._thresholds.settings().model_copy(update=main)

    def refresh_models(self) -> None:
        """List the bundled models and those trained here, and choose the default one."""
        for name, path in known_models().items():
            self._models.addItem(name, path)
        self._models.setCurrentIndex(max(self._models.findText(DEFAULT_MODEL), 0))
        self._read_model()

    def add_model(self, path: Path) -> None:
        """Add a model file to the list, unless it is there, and choose it."""
        self.offer_model(path)
        self._models.setCurrentIndex(self._listed().index(path))
        self._read_model()

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

    def _show_width(self) -> None:
        text = ""
        if self.header is not None:
            size = pixel_size(self.channels.image)
            text = expected_width(self.header.object_width, size, self._draws.settings().scale)
        self._width.setText(text)

    def _read_model(self) -> None:
        """Show the chosen model's channels and its own settings."""
        self.header = None
        path = self._models.currentData()
        text = "No model is bundled; choose a model file with the … button."
        if path is not None:
            try:
                self.header = read_header(path)
            except ProbinstError as error:
                self._models.removeItem(self._models.currentIndex())
                text = str(error)
                show_error(text)
        self.channels.set_channels(() if self.header is None else self.header.network.channels)
        if self.header is not None:
            self._draws.set_settings(self.header.inference)
            self._thresholds.set_settings(self.header.inference)
            self._show_width()
            text = self.header.description
        self.model_chosen.emit(text)
