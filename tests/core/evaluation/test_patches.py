"""Patches of instances: small pages by hand, and a loop over full pages as the oracle."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from napari_probinst.core.bernoulli import bernoulli_entropy
from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.patches import image_patches, joined
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction


def instances(shape, *boxes):
    """Instances that fill the boxes (y0, x0, y1, x1)."""
    masks = []
    for y0, x0, y1, x1 in boxes:
        masks.append(np.zeros(shape, dtype=bool))
        masks[-1][y0:y1, x0:x1] = True
    return InstanceSet.from_masks(masks, shape)


def predicted(*draws):
    return Prediction("A01", agglomerate(draws), (), InferenceConfig(min_size=0))


LONG = instances((4, 16), (0, 0, 4, 8))


def test_agreement_with_the_truth_is_accurate_and_certain():
    patches = image_patches(predicted(LONG, LONG), LONG)
    assert patches.accurate.tolist() == [True, True]
    assert patches.entropy.tolist() == [0, 0]


def test_missed_half_counts_and_background_does_not():
    patches = image_patches(predicted(LONG), instances((4, 16), (0, 0, 4, 12)))
    assert patches.accurate.tolist() == [True, True, False]


def test_half_of_the_pixels_right_is_not_accurate():
    exactly_half = image_patches(predicted(LONG), instances((4, 16), (0, 0, 4, 6)))
    assert exactly_half.accurate.tolist() == [True, False]
    more = image_patches(predicted(LONG), instances((4, 16), (0, 0, 4, 7)))
    assert more.accurate.tolist() == [True, True]


def test_unmatched_prediction_is_inaccurate_even_where_it_is_mostly_background():
    corner = instances((4, 16), (0, 0, 1, 1))
    patches = image_patches(predicted(corner), instances((4, 16), (0, 8, 4, 12)))
    assert patches.accurate.tolist() == [False]


def test_entropy_is_averaged_over_the_patch():
    shorter = instances((4, 16), (0, 0, 4, 6))
    patches = image_patches(predicted(*[LONG] * 3, shorter), LONG)
    (certain, uncertain) = patches.entropy.tolist()
    assert certain == 0
    assert uncertain == pytest.approx(bernoulli_entropy(np.array(3), 4) / 2, abs=1e-7)


def test_entropy_beside_the_prediction_counts_in_a_patch_that_both_share():
    # The third draw's extra columns are not predicted, but lie in the patch of the second.
    short, long = instances((4, 16), (0, 0, 4, 6)), instances((4, 16), (0, 0, 4, 12))
    patches = image_patches(predicted(*[short] * 3, long), short)
    assert patches.entropy[1] == pytest.approx(bernoulli_entropy(np.array(1), 4) / 2, abs=1e-7)
    assert len(patches) == 2


def test_instance_that_is_empty_once_binarised_has_no_patches():
    prediction = predicted(LONG, instances((4, 16)))
    assert prediction.binary().areas().tolist() == [0]
    assert len(image_patches(prediction, LONG)) == 0


def test_two_instances_have_patches_of_their_own_where_they_overlap():
    crossing = instances((4, 16), (0, 0, 4, 8), (0, 4, 4, 12))
    assert len(image_patches(predicted(crossing), crossing)) == 4


def test_distance_to_the_boundary():
    # A row of 4 pixels: 1, 2, 2, 1 from outside; those beside it are 1, 2, 3, 4 away.
    shown = instances((1, 8), (0, 0, 1, 4))
    truth = instances((1, 8), (0, 0, 1, 8))
    assert image_patches(predicted(shown), truth).distance.tolist() == [1.0, 2.5]


def test_partial_patches_at_the_edge():
    shown = instances((5, 6), (4, 4, 5, 6))
    patches = image_patches(predicted(shown), instances((5, 6), (4, 4, 5, 5)))
    assert patches.accurate.tolist() == [False]


def test_no_instances():
    nothing = instances((4, 16))
    assert len(image_patches(predicted(nothing), LONG)) == 0
    assert len(image_patches(predicted(LONG), nothing)) == 2
    assert len(joined([])) == 0


def random_set(rng, shape):
    boxes = []
    for _ in range(rng.integers(0, 5)):
        y, x = rng.integers(0, shape[0] - 3), rng.integers(0, shape[1] - 3)
        boxes.append((y, x, y + rng.integers(2, 12), x + rng.integers(2, 12)))
    return instances(shape, *boxes)


def by_full_pages(prediction, truth, patch):
    """Accurate, entropy and distance of each patch, from whole pages and loops."""
    shape = prediction.shape
    shown = [each.full(shape) for each in prediction.binary().instances]
    true = [each.full(shape) for each in truth.instances]
    iou = np.array([[(s & t).sum() / max((s | t).sum(), 1) for t in true] for s in shown])
    iou = iou.reshape(len(shown), len(true))
    partners = {i: j for i, j in zip(*linear_sum_assignment(-iou), strict=True) if iou[i, j] > 0}
    result = []
    for index, instance in enumerate(prediction.instances.instances):
        counts = np.zeros(shape, dtype=int)
        y0, x0, y1, x1 = instance.bbox
        counts[y0:y1, x0:x1] = instance.counts
        entropy = bernoulli_entropy(counts, prediction.instances.n_draws)
        page = shown[index]
        expected = true[partners[index]] if index in partners else np.zeros(shape, dtype=bool)
        if page.any():
            padded = np.pad(page, 1)
            inside = ndimage.distance_transform_edt(padded)
            outside = ndimage.distance_transform_edt(~padded)
            distance = (inside + outside)[1:-1, 1:-1]
        for y in range(0, shape[0], patch):
            for x in range(0, shape[1], patch):
                here = np.s_[y : y + patch, x : x + patch]
                if (page[here] | expected[here]).any():
                    right = np.mean(page[here] == expected[here]) > 0.5 and index in partners
                    result.append((right, entropy[here].mean(), distance[here].mean()))
    return result


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("patch", [4, 3])
def test_against_full_pages(seed, patch):
    rng = np.random.default_rng(seed)
    shape = (21, 26)
    prediction = predicted(*(random_set(rng, shape) for _ in range(3)))
    truth = random_set(rng, shape)
    patches = image_patches(prediction, truth, patch)
    expected = by_full_pages(prediction, truth, patch)
    assert patches.accurate.tolist() == [each[0] for each in expected]
    assert patches.entropy == pytest.approx([each[1] for each in expected], abs=1e-6)
    assert patches.distance == pytest.approx([each[2] for each in expected], abs=1e-6)
