from __future__ import annotations

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_probinst.core.evaluation.coco_ap import CocoEvaluation
from napari_probinst.core.instances import Instance, InstanceSet

SHAPE = (30, 40)


def bars(*rows, width=20):
    return InstanceSet(
        SHAPE, tuple(Instance((y, 0, y + 1, width), np.ones((1, width), bool)) for y in rows)
    )


def reference(predicted, truth, scores, path):
    """Average precision through files and full pages, as a user of pycocotools would."""

    def record(instance, image_id):
        rle = coco_mask.encode(np.asfortranarray(instance.full(SHAPE), dtype=np.uint8))
        return {
            "image_id": image_id,
            "category_id": 1,
            "iscrowd": 0,
            "area": instance.area,
            "segmentation": {**rle, "counts": rle["counts"].decode()},
        }

    images = [{"id": n, "height": SHAPE[0], "width": SHAPE[1]} for n in range(1, len(truth) + 1)]
    true = [record(one, n) for n, found in enumerate(truth, 1) for one in found.instances]
    true = [{**one, "id": number} for number, one in enumerate(true, 1)]
    results = [
        {**record(one, n), "score": float(score)}
        for n, (found, values) in enumerate(zip(predicted, scores, strict=True), 1)
        for one, score in zip(found.instances, values, strict=True)
    ]
    path.write_text(
        json.dumps({"images": images, "annotations": true, "categories": [{"id": 1, "name": "w"}]})
    )
    with contextlib.redirect_stdout(io.StringIO()):
        data_set = COCO(str(path))
        evaluation = COCOeval(data_set, data_set.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:3]


def test_by_hand():
    truth = [bars(0, 5)]
    predicted = [bars(0, 20, 5)]  # right, wrong, right
    good = CocoEvaluation(predicted, truth, [np.array([0.9, 0.1, 0.8])]).average_precision()
    assert good.mean == good.at_50 == good.at_75 == pytest.approx(1)
    # The wrong one first: precision 1/2 up to half of the recall, then 2/3, which counts before.
    bad = CocoEvaluation(predicted, truth, [np.array([0.5, 0.9, 0.4])]).average_precision()
    assert bad.at_50 == pytest.approx(2 / 3)


def test_equal_scores_keep_their_order():
    constant = CocoEvaluation([bars(0, 20, 5)], [bars(0, 5)], [np.ones(3)]).average_precision()
    # Right, wrong, right: 1 up to recall 0.5 (51 of 101 points), then 2/3.
    assert constant.at_50 == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_an_iou_equal_to_the_threshold_is_a_hit_here():
    found = CocoEvaluation([bars(0, width=10)], [bars(0, width=20)], [np.ones(1)])
    assert found.average_precision().at_50 == pytest.approx(1)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_it_is_what_pycocotools_says_of_files(tmp_path):
    generator = np.random.default_rng(3)

    def noisy(instances):
        return InstanceSet(
            SHAPE,
            tuple(
                Instance(one.bbox, one.mask & (generator.random(one.mask.shape) > 0.15))
                for one in instances.instances
            ),
        )

    truth = [bars(*generator.choice(30, size=6, replace=False)) for _ in range(5)]
    predicted = [noisy(bars(*range(0, 30, 4))) for _ in range(5)]
    scores = [np.round(generator.random(len(one)), 1) for one in predicted]  # with ties
    found = CocoEvaluation(predicted, truth, scores).average_precision()
    expected = reference(predicted, truth, scores, tmp_path / "truth.json")
    assert 0 < expected[0] < 1
    np.testing.assert_allclose([found.mean, found.at_50, found.at_75], expected)


def test_no_prediction_is_cut_off_and_none_is_too_small():
    # 150 predictions, all right; pycocotools looks at 100 an image by default.
    shape = (150, 1)
    dots = InstanceSet(
        shape, tuple(Instance((y, 0, y + 1, 1), np.ones((1, 1), bool)) for y in range(150))
    )
    assert CocoEvaluation([dots], [dots], [np.ones(150)]).average_precision().mean == 1


def test_resampled_images():
    truth, predicted = [bars(0), bars(5)], [bars(0), bars(20)]
    found = CocoEvaluation(predicted, truth, [np.ones(1), np.ones(1)])
    assert found.average_precision(np.array([0, 0])).mean == pytest.approx(1)
    assert found.average_precision(np.array([1, 1])).mean == 0
    assert 0 < found.average_precision().mean < 1


def test_nothing_predicted_and_nothing_there(capsys):
    assert CocoEvaluation([bars()], [bars(0)], [np.zeros(0)]).average_precision().mean == 0
    assert np.isnan(CocoEvaluation([bars(0)], [bars()], [np.ones(1)]).average_precision().mean)
    assert capsys.readouterr().out == ""
