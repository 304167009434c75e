"""Figures: what is drawn is what the scores say."""

import io

import numpy as np
import pytest

from napari_probinst.core.evaluation.uncertainty import score_uncertainty
from napari_probinst.core.evaluation.uncertainty_plots import uncertainty_figures
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


def instances(*boxes, shape=(12, 24)):
    """Instances that fill the boxes (y0, x0, y1, x1)."""
    masks = []
    for y0, x0, y1, x1 in boxes:
        masks.append(np.zeros(shape, dtype=bool))
        masks[-1][y0:y1, x0:x1] = True
    return InstanceSet.from_masks(masks, shape)


def lines(axes):
    return {line.get_label(): line.get_ydata() for line in axes.get_lines()}


def test_curves_are_those_of_the_scores():
    worm, shorter = instances((4, 0, 8, 16)), instances((4, 0, 8, 8))
    prediction = Prediction("A01", agglomerate([worm, worm, worm, shorter]), ())
    scores = score_uncertainty([(prediction, shorter)])
    figures = uncertainty_figures(scores)
    over_threshold, over_share = figures["uncertainty"].axes
    assert lines(over_threshold)["p(uncertain | inaccurate)"] == pytest.approx(
        scores.curves.p_uncertain_inaccurate
    )
    assert lines(over_share)["entropy, AUROC 1.000"] == pytest.approx(
        scores.detection["entropy"].p_uncertain_inaccurate
    )
    diagram, histogram = figures["reliability"].axes
    assert lines(diagram)["pixels, calibration error 0.375"] == pytest.approx([0, 1])
    assert [bar.get_height() for bar in histogram.patches] == [32, 32]
    (risk,) = figures["risk_coverage"].axes
    assert lines(risk)["IoU > 0.5, AURC 1.000"] == pytest.approx([1])


def test_figures_of_nothing_can_be_saved():
    nothing = Prediction("A01", agglomerate([instances()]), ())
    for figure in uncertainty_figures(score_uncertainty([(nothing, instances())])).values():
        file = io.BytesIO()
        figure.savefig(file, format="png")
        assert file.getvalue().startswith(b"\x89PNG")
