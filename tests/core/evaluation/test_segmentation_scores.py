from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.evaluation.average_precision import THRESHOLDS, Counts
from napari_probinst.core.evaluation.error_kinds import ErrorCounts
from napari_probinst.core.evaluation.panoptic import PanopticQuality, panoptic_quality
from napari_probinst.core.evaluation.segmentation import score_image, summarise
from napari_probinst.core.evaluation.worst import worst_instances
from napari_probinst.core.instances import InstanceSet

SHAPE = (8, 40)


def bars(*places):
    masks = []
    for row, start, stop in places:
        mask = np.zeros(SHAPE, bool)
        mask[row, start:stop] = True
        masks.append(mask)
    return InstanceSet.from_masks(masks, SHAPE)


TRUTH = bars((0, 0, 20), (2, 0, 20), (4, 0, 20))
# IoU 1, 16/20 = 0.8, none, and one of its own.
PREDICTED = bars((0, 0, 20), (2, 0, 16), (6, 0, 20))


def test_one_image_by_hand():
    scores = score_image("a", PREDICTED, TRUTH)
    assert scores.counts[0.5] == Counts(2, 1, 1)
    assert scores.counts[0.8] == Counts(1, 2, 2)
    assert scores.dsb == pytest.approx((6 * 2 / 4 + 4 * 1 / 5) / 10)
    assert scores.kinds.counts == ErrorCounts(misses=1, spurious=1)
    assert scores.panoptic.segmentation == pytest.approx((1 + 0.8) / 2)
    assert scores.panoptic.recognition == pytest.approx(2 / 3)
    assert scores.panoptic.quality == pytest.approx(1.8 / (2 + 0.5 + 0.5))


def test_several_images():
    perfect = score_image("b", bars((0, 0, 20)), bars((0, 0, 20)))
    scores = summarise([score_image("a", PREDICTED, TRUTH), perfect])
    assert scores.counts[0.5] == Counts(3, 1, 1)
    assert (scores.n_true, scores.n_predicted) == (4, 4)
    assert scores.errors == ErrorCounts(misses=1, spurious=1)
    headline = scores.headline()
    assert headline["dsb_image"] == pytest.approx((0.38 + 1) / 2)
    assert headline["dsb_global"] == pytest.approx((6 * 3 / 5 + 4 * 2 / 6) / 10)
    assert headline["precision"] == pytest.approx((6 * 3 / 4 + 4 * 2 / 4) / 10)
    assert (headline["precision50"], headline["precision75"]) == (0.75, 0.75)
    assert headline["recall80"] == 0.5  # an IoU of 0.8 is no hit at 0.8
    assert headline["panoptic_quality"] == pytest.approx(2.8 / 4)


@pytest.mark.parametrize(
    ("predicted", "truth", "value"), [((), (), 1.0), ((), TRUTH, 0.0), (TRUTH, (), 0.0)]
)
def test_nothing_there_or_nothing_found(predicted, truth, value):
    scores = summarise([score_image("a", predicted or bars(), truth or bars())])
    assert set(scores.headline().values()) == {value}


def test_precision_and_recall_without_any():
    assert Counts(0, 0, 3).precision == 0.0
    assert Counts(0, 3, 0).recall == 0.0


def test_panoptic_quality_is_of_the_hits_above_one_half():
    iou = np.array([[0.9, 0.0], [0.0, 0.5]])
    quality = panoptic_quality(iou, Counts(1, 1, 1))
    assert quality == PanopticQuality(0.9, Counts(1, 1, 1))
    assert quality.quality == pytest.approx(0.9 / 2)
    assert (quality + quality).quality == pytest.approx(0.9 / 2)
    assert PanopticQuality().quality == 1.0


def test_the_worst_come_first():
    # One whose pair is better than any other with it, although that leaves one without.
    truth = bars((0, 0, 20), (2, 0, 20), (4, 0, 10), (6, 0, 5))
    predicted = bars((0, 0, 20), (2, 0, 5), (7, 0, 8))
    scores = score_image("a", predicted, truth)
    found = worst_instances([(scores, predicted, truth)], 10)
    assert [(one.true, one.predicted, one.iou, one.area) for one in found] == [
        (2, None, 0.0, 10),
        (None, 2, 0.0, 8),
        (3, None, 0.0, 5),
        (1, 1, 0.25, 20),
    ]
    assert [one.kind for one in found] == ["missed", "spurious", "missed", "inexact"]
    assert worst_instances([(scores, predicted, truth)], 2) == found[:2]


def test_all_thresholds_are_there():
    assert tuple(score_image("a", PREDICTED, TRUTH).counts) == THRESHOLDS
