from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.coco_reader import read_coco
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance

# pycocotools 2.0.11 makes arrays in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SHAPE = (5, 7)


def page(*pixels, shape=SHAPE):
    result = np.zeros(shape, bool)
    for y, x in pixels:
        result[y, x] = True
    return result


@pytest.fixture
def write(tmp_path):
    """Return the function that writes a data set of one image from its annotations."""

    def write(*annotations, images=None, **others):
        path = tmp_path / "set.json"
        listed = [{"id": 1, "file_name": "a.tif", "height": 5, "width": 7}]
        content = {
            "images": listed if images is None else images,
            "annotations": [
                {"image_id": 1, **given} if isinstance(given, dict) else given
                for given in annotations
            ],
            **others,
        }
        path.write_text(json.dumps(content))
        return path

    return write


def rle(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def test_what_is_written_is_read(tmp_path):
    bars = [page((1, 1), (1, 2), (2, 2)), page((0, 6), (4, 6))]
    written = [
        CocoImage("a.tif", SHAPE, [Instance.from_mask(bar) for bar in bars], [0.25, 1.0]),
        CocoImage("b.tif", (2, 3), [], []),
    ]
    write_coco(written, tmp_path / "set.json")
    first, second = read_coco(tmp_path / "set.json")
    assert (first.file_name, first.shape, tuple(first.scores)) == ("a.tif", SHAPE, (0.25, 1.0))
    for instance, bar in zip(first.instances, bars, strict=True):
        np.testing.assert_array_equal(instance.full(SHAPE), bar)
    assert (second.file_name, second.shape, second.instances) == ("b.tif", (2, 3), ())


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32), st.floats(0, 1))
@settings(derandomize=True, max_examples=40, deadline=None)
def test_any_mask_of_pycocotools_is_read_exactly(tmp_path_factory, height, width, seed, share):
    mask = np.random.default_rng(seed).random((height, width)) < share
    path = tmp_path_factory.mktemp("coco") / "set.json"
    image = {"id": 1, "file_name": "a.tif", "height": height, "width": width}
    annotation = {"image_id": 1, "segmentation": rle(mask)}
    path.write_text(json.dumps({"images": [image], "annotations": [annotation]}))
    (read,) = read_coco(path)
    assert len(read.instances) == bool(mask.any())
    for instance in read.instances:
        np.testing.assert_array_equal(instance.full(mask.shape), mask)
        assert instance.bbox == instance.tight().bbox


def test_long_runs_and_shrinking_ones_are_read(write):
    # Differences between runs are negative, and take several characters.
    mask = np.zeros((300, 40), bool)
    mask[:, 3:20] = True
    mask[5:7, 25] = True
    images = [{"id": 1, "file_name": "a.tif", "height": 300, "width": 40}]
    (read,) = read_coco(write({"segmentation": rle(mask)}, images=images))
    np.testing.assert_array_equal(read.instances[0].full((300, 40)), mask)


def test_uncompressed_run_lengths_count_columns(write):
    segmentation = {"size": [5, 7], "counts": [6, 2, 27]}
    (read,) = read_coco(write({"segmentation": segmentation}))
    np.testing.assert_array_equal(read.instances[0].full(SHAPE), page((1, 1), (2, 1)))


def test_polygons_are_those_of_pycocotools(write):
    square, bar = [1, 1, 4, 1, 4, 3, 1, 3], [5.0, 0.0, 6.0, 0.0, 6.0, 5.0, 5.0, 5.0]
    (read,) = read_coco(write({"segmentation": [square, bar], "iscrowd": 1}))
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([square, bar], 5, 7)))
    np.testing.assert_array_equal(read.instances[0].full(SHAPE), expected.astype(bool))
    assert read.scores == (1.0,)


def test_empty_masks_are_left_out(write):
    counts = ([35], [], "")
    empty = [{"segmentation": {"size": [5, 7], "counts": each}} for each in counts]
    (read,) = read_coco(write(*empty, {"segmentation": []}))
    assert read.instances == ()


BAR = {"segmentation": {"size": [5, 7], "counts": [6, 2, 27]}}
IMAGE = {"id": 1, "file_name": "a.tif", "height": 5, "width": 7}


@pytest.mark.parametrize(
    ("annotations", "images", "sentence"),
    [
        ([BAR], [IMAGE, IMAGE], "holds the image id 1 twice"),
        ([BAR], [IMAGE, {**IMAGE, "id": 2}], "holds the file name 'a.tif' twice"),
        ([{"id": 4, **BAR}, {"id": 4, **BAR}], [IMAGE], "holds the annotation id 4 twice"),
        ([{**BAR, "image_id": 9}], [IMAGE], "annotation 1 of .* belongs to the image 9"),
        ([{**BAR, "score": "high"}], [IMAGE], r"annotations\.0\.score: .* valid number"),
        ([{**BAR, "score": float("nan")}], [IMAGE], r"annotations\.0\.score: .* finite"),
        ([{"segmentation": {"size": [5, 7]}}], [IMAGE], "annotation 1 of .* a mask of an unknown"),
        ([{"segmentation": "x"}], [IMAGE], "annotation 1 of .* a mask of an unknown kind; expect"),
        ([BAR, {"id": 8}], [IMAGE], "annotation 8 of .* has no mask; expected"),
        ([BAR], [{**IMAGE, "height": 0}], r"images\.0\.height"),
        (
            [BAR],
            [{**IMAGE, "height": 6}],
            r"\(image \S+\) is a mask of 5 x 7 .* its image is 6 x 7",
        ),
        ([7], [IMAGE], r"annotations\.0"),
        ([{"segmentation": [[1, 2, 3, 4]]}], [IMAGE], "a polygon of 4 numbers"),
        ([{"segmentation": [[1, 2, 3, 4, 5, 1e9]]}], [IMAGE], "far outside its image of 5 x 7"),
    ],
)
def test_what_is_wrong_is_said(write, annotations, images, sentence):
    path = write(*annotations, images=images)
    with pytest.raises(InputError, match=sentence) as caught:
        read_coco(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "counts", ["~~", "é", "P", "o" * 40, "1" * 4 + "zz", [-1, 36], [20, 20], [6, 2], "62", "T1000"]
)
def test_damaged_run_lengths_are_refused(write, counts):
    path = write({"segmentation": {"size": [5, 7], "counts": counts}})
    with pytest.raises(InputError, match="damaged run lengths"):
        read_coco(path)


def test_scores_are_any_finite_numbers_and_one_where_there_is_none(write):
    scores = [{"score": 7.5}, {"score": -3}, {"score": None}, {}]
    (read,) = read_coco(write(*({**BAR, **score} for score in scores)))
    assert read.scores == (7.5, -3.0, 1.0, 1.0)


def test_results_get_their_images_from_another_data_set(write, tmp_path):
    other = {**IMAGE, "id": "second", "file_name": "b.tif"}
    listing = write(BAR, images=[IMAGE, other])
    results = tmp_path / "results.json"
    results.write_text(json.dumps([{"image_id": "second", "category_id": 1, "score": 0.5, **BAR}]))
    first, second = read_coco(results, listing)
    assert (first.file_name, first.shape, first.instances) == ("a.tif", SHAPE, ())
    assert (second.file_name, second.scores) == ("b.tif", (0.5,))
    results.write_text(json.dumps([{"image_id": 3, **BAR}]))
    with pytest.raises(InputError, match=r"the image 3, which 'images' of .*set"):
        read_coco(results, listing)
    with pytest.raises(InputError, match="results: its images are known only where the truth is"):
        read_coco(results)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"images": []}', b"\xff\xfe", b"[" * 10_000])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "set.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"set\.json is no COCO data set"):
        read_coco(path)


def test_files_that_can_not_be_opened_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "absent.json"):
        with pytest.raises(InputError, match="can't be read"):
            read_coco(path)
