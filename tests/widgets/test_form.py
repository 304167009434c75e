from __future__ import annotations

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QSpinBox,
    QToolButton,
)

from napari_probinst.core.config import InferenceConfig
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.prediction.model_form import ModelForm
from napari_probinst.widgets.settings_form import SettingsForm


def test_form_takes_bounds_and_help_from_the_model(qtbot):
    form = SettingsForm(InferenceConfig(n_draws=5), ("n_draws", "probability_threshold"))
    qtbot.addWidget(form)
    draws = form.findChild(QSpinBox, "n_draws")
    threshold = form.findChild(QDoubleSpinBox, "probability_threshold")
    assert (draws.minimum(), draws.value(), draws.maximum()) == (1, 5, 255)
    assert threshold.minimum() > 0
    assert threshold.maximum() == 1
    assert draws.toolTip() == "Draws from the posterior."
    draws.setValue(3)
    threshold.setValue(0.5)
    assert form.settings() == InferenceConfig(n_draws=3, probability_threshold=0.5)


def test_form_offers_switches_and_choices(qtbot):
    form = SettingsForm(InferenceConfig(ranking="entropy"), ("flips", "ranking"))
    qtbot.addWidget(form)
    flips = form.findChild(QCheckBox, "flips")
    ranking = form.findChild(QComboBox, "ranking")
    assert not flips.isChecked()
    assert ranking.currentText() == "entropy"
    assert [ranking.itemText(i) for i in range(ranking.count())] == ["mass", "entropy"]
    flips.setChecked(True)
    ranking.setCurrentText("mass")
    assert form.settings() == InferenceConfig(flips=True, ranking="mass")


def test_form_names_settings_in_words_and_tells_their_units(qtbot):
    names = ("min_size", "bandwidth", "n_seeds")
    form = SettingsForm(InferenceConfig(), names)
    qtbot.addWidget(form)
    layout, boxes = form.layout(), [form.findChild(QAbstractSpinBox, name) for name in names]
    labels = [layout.labelForField(box).text() for box in boxes]
    assert labels == ["Smallest instance", "Bandwidth", "Mean-shift seeds"]
    assert [box.suffix() for box in boxes] == [" px", "", ""]
    assert boxes[0].toolTip().endswith("Unit: px.")
    assert boxes[1].toolTip().endswith("Unit: units of the embedding.")


def test_rarer_settings_fold_up_as_everywhere(qtbot):
    form = ModelForm(ViewerModel())
    qtbot.addWidget(form)
    fold = form.findChild(Fold)
    assert fold.findChild(QToolButton).arrowType() == Qt.ArrowType.RightArrow
    assert fold.findChild(SettingsForm) is not None
