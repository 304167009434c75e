import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_probinst.core.data.coco import CocoImage, coco_dataset, encode, write_coco
from napari_probinst.core.instances import Instance

# pycocotools 2.0.11 decodes in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (6, 9)
BAR = Instance.from_mask(np.ones((2, 5), bool), (1, 2))
CORNER = Instance.from_mask(np.array([[1, 1], [1, 0]]), (4, 7))


@given(arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7))), st.booleans())
@settings(derandomize=True, max_examples=60, deadline=None)
def test_run_lengths_are_those_of_pycocotools(page, loose):
    instance = Instance((0, 0, *page.shape), page) if loose else Instance.from_mask(page)
    expected = coco_mask.encode(np.asfortranarray(page, dtype=np.uint8))
    segmentation = encode(instance, page.shape)
    assert segmentation["counts"].encode() == expected["counts"]
    assert segmentation["size"] == expected["size"] == list(page.shape)


def test_a_small_mask_on_a_large_page():
    segmentation = encode(BAR, (50_000, 50_000))
    assert coco_mask.area({**segmentation, "counts": segmentation["counts"].encode()}) == 10


def images():
    return [
        CocoImage("a.tif", SHAPE, [BAR, CORNER], [0.9, 0.25], labels=[1, 4]),
        CocoImage("empty.tif", (3, 3), [], []),
        CocoImage("b.tif", SHAPE, [BAR], [1.0], attributes={"curated": True}),
    ]


def test_the_data_set_says_what_coco_asks_for():
    content = coco_dataset(images())
    assert content["images"][1] == {"id": 2, "file_name": "empty.tif", "height": 3, "width": 3}
    assert [one["id"] for one in content["annotations"]] == [1, 2, 3]
    second = content["annotations"][1]
    assert second["image_id"] == 1
    (category,) = content["categories"]
    assert (second["category_id"], category["name"]) == (category["id"], "instance")
    assert (second["area"], second["bbox"]) == (3, [7, 4, 2, 2])
    assert (second["iscrowd"], second["score"], second["label"]) == (0, 0.25, 4)
    assert isinstance(second["segmentation"]["counts"], str)
    assert content["annotations"][2]["curated"] is True
    assert "label" not in content["annotations"][2]


def test_pycocotools_loads_it_and_scores_it_against_itself(tmp_path):
    path = tmp_path / "predictions.json"
    write_coco(images(), path)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        results = truth.loadRes(truth.dataset["annotations"])
        evaluation = COCOeval(truth, results, "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1)
    assert np.array_equal(truth.annToMask(truth.anns[2]), CORNER.full(SHAPE))
    assert truth.getAnnIds(imgIds=[2]) == []
    assert json.loads(path.read_text())["annotations"][0]["score"] == 0.9


def test_a_data_set_without_instances_loads(tmp_path):
    write_coco([CocoImage("empty.tif", (3, 3), [], [])], tmp_path / "predictions.json")
    with contextlib.redirect_stdout(io.StringIO()):
        assert COCO(str(tmp_path / "predictions.json")).getAnnIds() == []


@pytest.mark.parametrize(
    ("instances", "scores", "labels"),
    [
        ([BAR], [], ()),
        ([BAR], [float("inf")], ()),
        ([BAR], [float("nan")], ()),
        ([BAR], [0.5], [1, 2]),
        ([Instance.from_mask(np.zeros((2, 2)))], [0.5], ()),
    ],
)
def test_what_is_no_annotation_is_refused(instances, scores, labels):
    with pytest.raises(ValueError, match=r"scores|labels|empty"):
        CocoImage("a.tif", SHAPE, instances, scores, labels)
