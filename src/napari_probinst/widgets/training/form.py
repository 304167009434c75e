"""The form of the Train dock: what is to be trained, on what, and from where."""

from __future__ import annotations

from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_probinst.core.config import DEVICES, Config, TrainingConfig
from napari_probinst.core.curation.manifest import SESSION_SUFFIX
from napari_probinst.core.errors import InputError, OutputError, ProbinstError
from napari_probinst.core.network.header import (
    MODEL_SUFFIX,
    ModelHeader,
    check_model_name,
    read_header,
)
from napari_probinst.core.section import validated
from napari_probinst.models import DEFAULT_MODEL
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.path_rows import FolderList, beside, browse_button, shrinking_box
from napari_probinst.widgets.remembered import known_models
from napari_probinst.widgets.settings_form import SettingsForm
from napari_probinst.widgets.training.log import TrainingRequest, has_checkpoint
from napari_probinst.widgets.training.presets import PRESETS, Preset, fitted

_NOTHING = "nothing (random weights)"
_SETTINGS = (
    *("max_steps", "validate_every", "validation_images", "held_out"),
    *("crop", "binning", "batch_size", "learning_rate", "workers", "seed"),
)
_DATA_TOOLTIP = (
    "A folder with images/ and instances/ (label images, stacks of masks or sessions), sessions "
    "NAME.probinst with their images, or BBBC010. A session that is added "
    "itself stands for itself alone"
)
_HELD_OUT = (
    "A part of the images is held out and scored in between: the best model is kept. The training "
    "ends with its steps or its time, whichever comes first."
)
#: Longest time limit, minutes: 30 days.
_LONGEST = 43_200


class TrainForm(QWidget):
    """Data, preset, start, model file and settings of a training."""

    def __init__(self) -> None:
        super().__init__()
        self._header: ModelHeader | None = None
        self._config = PRESETS[0].config
        #: Whether the user named the model; else it is named after the first folder.
        self._named = False
        #: Whether the user chose the start; else it is the usual one of the preset.
        self._start_is_chosen = False
        self._build()
        self.list_models()
        self._preset_chosen()

    def _build(self) -> None:
        self.folders = FolderList("A folder of images with their instances", _DATA_TOOLTIP)
        self.folders.changed.connect(self._folders_changed)
        self._presets = shrinking_box("preset", "Settings to begin with")
        for preset in PRESETS:
            self._presets.addItem(preset.title, preset)
        self._presets.activated.connect(lambda _: self._preset_chosen())
        self._start = shrinking_box(
            "start", "Model whose weights are the start: far quicker than from nothing"
        )
        self._start.activated.connect(lambda _: self._start_picked())
        self._output = QLineEdit()
        self._output.setObjectName("output")
        self._output.setToolTip(f"Model file to write ({MODEL_SUFFIX})")
        self._output.textEdited.connect(self._output_edited)
        self._output.textChanged.connect(lambda _: self.offer_to_go_on())
        self._minutes = QSpinBox()
        self._minutes.setObjectName("minutes")
        self._minutes.setRange(0, _LONGEST)
        self._minutes.setSuffix(" min")
        self._minutes.setSpecialValueText("none: all steps")
        self._minutes.setToolTip(
            "End after this time, minutes; the learning rate follows the clock"
        )
        self._devices = shrinking_box(
            "device", "auto takes a graphics processor where there is one"
        )
        self._devices.addItems(DEVICES)
        self._resume = QCheckBox("Go on from its last checkpoint")
        self._resume.setObjectName("resume")
        self._resume.setToolTip(
            "Continue an earlier training of this model, with the images and settings that it was "
            "begun with; steps, time limit and workers may differ"
        )
        self._form = SettingsForm(TrainingConfig(), _SETTINGS)
        more = Fold("More settings", self._form)
        self._about = QLabel()
        self._about.setObjectName("about")
        self._about.setWordWrap(True)

        data = QLabel("Data")
        data.setToolTip(_DATA_TOOLTIP)
        rows = QFormLayout()
        for label, box, name, tooltip, clicked in (
            (
                "Preset",
                self._presets,
                "browse_config",
                "Choose a configuration file (.yaml)",
                self._browse_config,
            ),
            (
                "Start from",
                self._start,
                "browse_start",
                f"Choose a model file ({MODEL_SUFFIX})",
                self._browse_start,
            ),
            (
                "Model file",
                self._output,
                "browse_output",
                "Choose where the model goes",
                self._browse_output,
            ),
        ):
            rows.addRow(label, beside(box, browse_button(name, tooltip, clicked)))
        rows.addRow("Time limit", self._minutes)
        rows.addRow("Device", self._devices)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(data)
        layout.addWidget(self.folders)
        layout.addLayout(rows)
        layout.addWidget(self._resume)
        layout.addWidget(self._about)
        layout.addWidget(more)

    def list_models(self) -> None:
        """List the models there are; the chosen one stays chosen."""
        listed, chosen = self._start.count() > 0, self._start.currentData()
        self._start.clear()
        for name, path in known_models().items():
            self._start.addItem(name, path)
        self._start.addItem(_NOTHING, None)
        if chosen is not None:
            self._choose_start(chosen)
        elif listed:
            self._start.setCurrentIndex(self._start.findText(_NOTHING))

    def _preset_chosen(self) -> None:
        preset: Preset = self._presets.currentData()
        self._config = preset.config
        if not self._start_is_chosen:
            start = DEFAULT_MODEL if preset.from_model else _NOTHING
            self._start.setCurrentIndex(max(self._start.findText(start), 0))
        self._start_chosen()

    def _start_picked(self) -> None:
        self._start_is_chosen = True
        self._start_chosen()

    def _start_chosen(self) -> None:
        """Show the settings that the chosen preset has with the chosen model."""
        self._header = None
        path = self._start.currentData()
        try:
            if path is not None:
                self._header = read_header(path)
            config = fitted(self._config, self._header)
        except ProbinstError as error:
            self._start.removeItem(self._start.currentIndex())
            self._start.setCurrentIndex(self._start.findText(_NOTHING))
            self._header, self._start_is_chosen = None, False
            show_error(str(error))
            config = self._config
        self._form.set_settings(config.training)
        preset: Preset = self._presets.currentData()
        self._about.setText(f"{preset.description} {_HELD_OUT}")

    def choose_start(self, path: Path) -> None:
        """Start from a model file."""
        self._choose_start(path)
        self._start_picked()

    def _choose_start(self, path: Path) -> None:
        paths = [self._start.itemData(index) for index in range(self._start.count())]
        if path not in paths:
            self._start.insertItem(0, path.name, path)
            paths.insert(0, path)
        self._start.setCurrentIndex(paths.index(path))

    def choose_config(self, path: Path) -> None:
        """Take the settings of a configuration file."""
        try:
            config = Config.from_yaml(path)
        except ProbinstError as error:
            show_error(str(error))
            return
        self._presets.addItem(path.name, Preset(path.name, f"Settings of {path}.", config, False))
        self._presets.setCurrentIndex(self._presets.count() - 1)
        self._preset_chosen()

    def _folders_changed(self) -> None:
        folders = self.folders.paths
        if folders and not self._named:
            name = f"{folders[0].name.removesuffix(SESSION_SUFFIX)}-model{MODEL_SUFFIX}"
            self._output.setText(str(folders[0].parent / name))

    def _output_edited(self, text: str) -> None:
        self._named = bool(text)

    def offer_to_go_on(self) -> None:
        """Offer to go on where there is a checkpoint."""
        output = self._output.text()
        possible = bool(output) and has_checkpoint(Path(output))
        self._resume.setVisible(possible)
        if not possible:
            self._resume.setChecked(False)

    def _browse_config(self) -> None:
        path = self._open_file("Choose a configuration", "Configurations (*.yaml *.yml)")
        if path is not None:
            self.choose_config(path)

    def _browse_start(self) -> None:
        path = self._open_file("Choose a model", f"Models (*{MODEL_SUFFIX})")
        if path is not None:
            self.choose_start(path)

    def _open_file(self, title: str, kinds: str) -> Path | None:
        path, _ = QFileDialog.getOpenFileName(self, title, "", f"{kinds};;All files (*)")
        return Path(path) if path else None

    def _browse_output(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self,
            "The model file to write",
            self._output.text(),
            f"Models (*{MODEL_SUFFIX})",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self._named = True
            self._output.setText(path if path.endswith(MODEL_SUFFIX) else path + MODEL_SUFFIX)

    def request(self) -> TrainingRequest:
        """Return what the form says.

        Raises
        ------
        ProbinstError
            If something is missing, or contradicts itself.
        """
        if not self.folders.paths:
            raise InputError(
                "There is nothing to train on: add a folder of images with their instances."
            )
        if not self._output.text().strip():
            raise OutputError("The model has no name yet: say where it is to be written.")
        output = Path(self._output.text().strip()).expanduser().absolute()
        check_model_name(output)
        config = fitted(self._config, self._header)
        training = self._form.settings().model_dump()
        return TrainingRequest(
            data=self.folders.paths,
            output=output,
            config=validated(Config, {**config.model_dump(), "training": training}, "The form"),
            start_from=self._start.currentData(),
            max_minutes=self._minutes.value() or None,
            resume=self._resume.isChecked(),
            device=self._devices.currentText(),
        )
