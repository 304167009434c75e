from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_probinst.core.data.bbbc010 import MASK_FOLDER
from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.truth import read_truth
from napari_probinst.core.instances import Instance

SHAPE = (6, 9)
FIRST, SECOND = np.zeros((2, *SHAPE), np.uint8)
FIRST[1:3, 1:6] = 255
SECOND[2:5, 4:8] = 255  # overlaps the first


def png(path, page):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(imagecodecs.png_encode(page))


@pytest.fixture
def bbbc010_layout(tmp_path):
    folder = tmp_path / MASK_FOLDER
    png(folder / "A01_01_ground_truth.png", FIRST)
    png(folder / "A01_02_ground_truth.png", SECOND)
    png(folder / "B02_01_ground_truth.png", np.zeros(SHAPE, np.uint8))
    return tmp_path


@pytest.fixture
def files(tmp_path):
    tifffile.imwrite(tmp_path / "stack.tif", np.stack([FIRST, SECOND]), photometric="minisblack")
    png(tmp_path / "labels.png", FIRST // 255 + SECOND // 255 * 2)
    png(tmp_path / "none.png", np.zeros(SHAPE, np.uint8))
    (tmp_path / "notes.txt").write_text("not looked at")
    return tmp_path


@pytest.fixture
def coco(tmp_path):
    worms = [Instance.from_mask(mask) for mask in (FIRST, SECOND)]
    path = tmp_path / "truth.json"
    images = [
        CocoImage("q/A01.png", SHAPE, worms, [1, 1]),
        CocoImage("empty.png", SHAPE, [], []),
    ]
    write_coco(images, path)
    return path


def assert_both(instances):
    assert instances.shape == SHAPE
    first, second = (instance.full(SHAPE) for instance in instances.instances)
    np.testing.assert_array_equal(first, FIRST > 0)
    np.testing.assert_array_equal(second, SECOND > 0)


@pytest.mark.parametrize("inner", [False, True])
def test_bbbc010(bbbc010_layout, inner):
    source = bbbc010_layout / MASK_FOLDER if inner else bbbc010_layout
    truth = read_truth(source, {"x_B02": SHAPE, "A01": SHAPE})
    assert list(truth) == ["x_B02", "A01"]
    assert_both(truth["A01"])
    assert (len(truth["x_B02"]), truth["x_B02"].shape) == (0, SHAPE)


@pytest.mark.parametrize("inner", [False, True])
def test_files(files, inner):
    if inner:
        for path in (*files.glob("*.tif"), *files.glob("*.png")):
            (files / "instances").mkdir(exist_ok=True)
            path.rename(files / "instances" / path.name)
    truth = read_truth(files, dict.fromkeys(("stack", "labels", "none"), SHAPE))
    assert_both(truth["stack"])
    assert [len(truth[name]) for name in ("labels", "none")] == [3, 0]


def test_one_file(files):
    assert_both(read_truth(files / "stack.tif", {"stack": SHAPE})["stack"])


def test_coco(coco):
    truth = read_truth(coco, {"A01": SHAPE, "empty": SHAPE})
    assert_both(truth["A01"])
    assert len(truth["empty"]) == 0


def test_truth_of_other_images_is_not_looked_at(files):
    (files / "broken.tif").write_bytes(b"no TIFF")
    assert list(read_truth(files, {"stack": SHAPE})) == ["stack"]


def test_missing_truth_is_named(bbbc010_layout, files, coco):
    for source in (bbbc010_layout, files, coco):
        with pytest.raises(InputError, match=r"holds no truth of C07, D08; it has"):
            read_truth(source, {"C07": SHAPE, "D08": SHAPE})


def test_another_shape_is_named(bbbc010_layout, files, coco):
    for source, name in ((bbbc010_layout, "A01"), (files / "stack.tif", "stack"), (coco, "A01")):
        with pytest.raises(
            InputError, match=rf"truth of {name} in .* is 6 x 9 .* its prediction is 9 x 6;"
        ):
            read_truth(source, {name: (9, 6)})


def test_every_image_of_another_shape_is_named(files):
    shapes = {"stack": (9, 6), "none": SHAPE, "labels": (9, 7)}
    with pytest.raises(InputError, match=r"truth of stack in .* Others .*: labels\.$"):
        read_truth(files, shapes)


def test_sources_that_are_no_truth(files, tmp_path):
    with pytest.raises(InputError, match="doesn't exist"):
        read_truth(tmp_path / "nowhere", {"a": SHAPE})
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no truth"):
        read_truth(tmp_path / "empty", {"a": SHAPE})
    with pytest.raises(InputError, match=r"notes\.txt is no COCO data set"):
        read_truth(files / "notes.txt", {"a": SHAPE})
    png(files / "stack.png", FIRST)
    with pytest.raises(InputError, match="holds the image stack twice"):
        read_truth(files, {"stack": SHAPE})


def test_real_wells(bbbc010):
    truth = read_truth(bbbc010, {"C03": (520, 696)})
    assert 11 <= len(truth["C03"]) <= 16
    assert (truth["C03"].cover() > 1).any()
