"""Scores of the uncertainty: by hand, by loops, and against scikit-learn."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.patches import Patches
from napari_probinst.core.evaluation.uncertainty import (
    SHARES,
    detect,
    score_uncertainty,
    threshold_curves,
)
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


def patches(accurate, entropy):
    accurate, entropy = np.array(accurate, dtype=bool), np.array(entropy, dtype=float)
    return Patches(accurate, entropy, np.zeros(len(accurate)))


def instances(*boxes, shape=(12, 24)):
    """Instances that fill the boxes (y0, x0, y1, x1)."""
    masks = []
    for y0, x0, y1, x1 in boxes:
        masks.append(np.zeros(shape, dtype=bool))
        masks[-1][y0:y1, x0:x1] = True
    return InstanceSet.from_masks(masks, shape)


def test_equations_by_hand():
    # certain: two accurate, one inaccurate; uncertain: one accurate, two inaccurate
    curves = threshold_curves(
        patches([1, 1, 0, 1, 0, 0], [0, 0.05, 0.01, 0.2, 0.3, 0.06]), thresholds=(0.05,)
    )
    assert curves.p_accurate_certain == (pytest.approx(2 / 3),)
    assert curves.p_uncertain_inaccurate == (pytest.approx(2 / 3),)
    assert curves.pavpu == (pytest.approx(4 / 6),)
    assert curves.flagged == (pytest.approx(3 / 6),)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0.04, 0.05, 0.06, 0.69])), max_size=12),
    st.sampled_from([0, 0.05, 0.5, 0.69]),
)
def test_equations_by_a_loop(items, threshold):
    n = {"ac": 0, "au": 0, "ic": 0, "iu": 0}
    for accurate, entropy in items:
        n["ai"[not accurate] + "cu"[entropy > threshold]] += 1

    def quotient(part, whole):
        return pytest.approx(part / whole) if whole else None

    (curves,) = [threshold_curves(patches(*np.reshape(items, (-1, 2)).T), (threshold,))]
    assert curves.p_accurate_certain == (quotient(n["ac"], n["ac"] + n["ic"]),)
    assert curves.p_uncertain_inaccurate == (quotient(n["iu"], n["iu"] + n["ic"]),)
    assert curves.pavpu == (quotient(n["ac"] + n["iu"], len(items)),)
    assert curves.flagged == (quotient(n["au"] + n["iu"], len(items)),)


def test_detection_against_scikit_learn():
    rng = np.random.default_rng(0)
    score = rng.integers(0, 6, 200).astype(float)
    inaccurate = rng.random(200) < 0.1 + 0.1 * score
    result = detect(score, inaccurate)
    assert result.auroc == pytest.approx(roc_auc_score(inaccurate, score))
    assert result.average_precision == pytest.approx(average_precision_score(inaccurate, score))


def test_shares_at_a_stated_flagged_share():
    score = np.arange(100)[::-1]  # the first is flagged first
    inaccurate = np.zeros(100, dtype=bool)
    inaccurate[[0, 3, 15, 99]] = True
    result = detect(score, inaccurate)
    assert result.found_at(0.05) == 2 / 4
    assert result.found_at(0.20) == 3 / 4
    assert result.found_at(1.0) == 1
    assert result.accurate_at(0.20) == pytest.approx(79 / 80)
    assert result.accurate_at(1.0) is None


def test_random_order_is_one_tie():
    inaccurate = np.arange(50) % 5 == 0
    result = detect(np.zeros(50), inaccurate)
    assert result.p_uncertain_inaccurate == pytest.approx(SHARES)
    assert result.auroc == 0.5
    assert result.average_precision == pytest.approx(0.2)
    assert result.p_accurate_certain[:-1] == pytest.approx([0.8] * 100)


def test_ties_are_told_as_the_mean_over_orders():
    rng = np.random.default_rng(1)
    score = rng.integers(0, 3, 100).astype(float)
    inaccurate = rng.random(100) < 0.3
    found = np.mean(
        [
            inaccurate[sorted(rng.permutation(100), key=lambda i: -score[i])[:20]].sum()
            for _ in range(1500)
        ]
    )
    assert detect(score, inaccurate).found_at(0.20) == pytest.approx(
        found / inaccurate.sum(), abs=0.01
    )


def test_undefined_is_none():
    perfect = detect(np.array([0.0, 1.0]), np.zeros(2, dtype=bool))
    assert (perfect.auroc, perfect.average_precision, perfect.found_at(0.05)) == (None, None, None)
    assert perfect.accurate_at(0.05) == 1


@pytest.fixture
def scores():
    """One worm with a tail that one of four draws lacks and the truth doesn't have."""
    worm, shorter = instances((4, 0, 8, 16)), instances((4, 0, 8, 8))
    prediction = Prediction(
        "A01", agglomerate([worm, worm, worm, shorter]), (), InferenceConfig(min_size=0)
    )
    return score_uncertainty([(prediction, shorter), (prediction, shorter)])


def test_scores_of_pooled_images(scores):
    assert (scores.n_patches, scores.n_inaccurate) == (8, 4)
    assert scores.p_accurate_certain_005 == 1
    assert scores.p_uncertain_inaccurate_005 == 1
    assert scores.flagged_005 == 0.5
    assert scores.detection["entropy"].auroc == 1
    assert scores.detection["random"].auroc == 0.5
    assert scores.detection["boundary"].auroc == 0.5
    assert scores.instance_errors[0.5].n_errors == 2
    assert [each.observed for each in scores.calibration.bins] == [0, 1]


def test_plain_values(scores):
    plain = scores.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["flagged_005"] == 0.5
    assert plain["detection"]["entropy"]["at_flagged"]["0.20"]["p_uncertain_inaccurate"] == (
        pytest.approx(0.4)
    )
    assert plain["instance_errors"]["0.50"]["aurc"] == 1
    assert plain["curves"]["threshold_nats"][5] == 0.05


@pytest.mark.parametrize("n_images", [0, 1])
def test_nothing_predicted(n_images):
    nothing = Prediction("A01", agglomerate([instances()]), ())
    plain = score_uncertainty([(nothing, instances((0, 0, 4, 4)))] * n_images).to_dict()
    assert plain["n_patches"] == 0
    assert plain["p_accurate_certain_005"] is None
    assert plain["instance_errors"]["0.80"]["aurc"] is None
    json.dumps(plain, allow_nan=False)
