from __future__ import annotations

from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from napari_probinst.core.config import InferenceConfig
from napari_probinst.widgets._form import SettingsForm


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
