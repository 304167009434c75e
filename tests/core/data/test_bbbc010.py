from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest

from napari_probinst.core.data.bbbc010 import (
    IMAGE_FOLDER,
    MASK_FOLDER,
    find_wells,
    read_list,
    read_worm_masks,
)
from napari_probinst.core.errors import InputError


def _touch(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()


def _image(well, channel, mark="0ABC"):
    return f"1649_1109_0003_Amp5-1_B_20070424_{well}_{channel}_{mark}.tif"


def _mask(folder, name, page):
    (folder / MASK_FOLDER).mkdir(exist_ok=True)
    iio.imwrite(folder / MASK_FOLDER / name, page)


def test_only_wells_with_both_channels_count(tmp_path):
    _touch(
        tmp_path / IMAGE_FOLDER,
        _image("B03", "w1"),
        _image("B03", "w2"),
        _image("A01", "w2"),
        _image("A01", "w1"),
        _image("C05", "w1"),
        "notes.tif",
        _image("D01", "w3"),
    )
    wells = find_wells(tmp_path)
    assert list(wells) == ["A01", "B03"]
    assert wells["A01"]["w2"].name == _image("A01", "w2")
    assert find_wells(tmp_path / IMAGE_FOLDER) == wells


def test_another_folder_has_no_wells(tmp_path):
    _touch(tmp_path, "a.tif")
    assert find_wells(tmp_path) == {}
    assert find_wells(tmp_path / "missing") == {}


def test_one_instance_a_file_and_overlaps_kept(tmp_path):
    first, second = np.zeros((5, 6), np.uint8), np.zeros((5, 6), np.uint8)
    first[1:3], second[2:5] = 255, 1
    _mask(tmp_path, "A01_01_ground_truth.png", first)
    _mask(tmp_path, "A01_02_ground_truth.png", second)
    _mask(tmp_path, "A02_01_ground_truth.png", first)
    truth = read_worm_masks(tmp_path, "A01")
    assert truth.shape == (5, 6)
    assert truth.areas().tolist() == [12, 18]
    assert np.count_nonzero(truth.cover() == 2) == 6


def test_a_well_without_masks_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no masks of well A07.*A07_01_ground_truth\.png"):
        read_worm_masks(tmp_path, "A07")


def test_masks_of_two_shapes_are_refused(tmp_path):
    _mask(tmp_path, "A01_01_ground_truth.png", np.zeros((5, 6), np.uint8))
    _mask(tmp_path, "A01_02_ground_truth.png", np.zeros((5, 7), np.uint8))
    with pytest.raises(InputError, match=r"A01_02.*5 x 7.*5 x 6"):
        read_worm_masks(tmp_path, "A01")


@pytest.mark.parametrize("content", [b"", b"no PNG at all", None])
def test_a_broken_mask_is_refused_by_name(tmp_path, content):
    _mask(tmp_path, "A01_01_ground_truth.png", np.eye(64, dtype=np.uint8))
    path = tmp_path / MASK_FOLDER / "A01_01_ground_truth.png"
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    with pytest.raises(InputError, match=r"A01_01_ground_truth\.png"):
        read_worm_masks(tmp_path, "A01")


def test_lists(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("# a comment\n A01 \n\nB02 # dark\n", encoding="utf-8")
    assert read_list(path) == ("A01", "B02")


def test_a_list_from_windows(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(b"\xef\xbb\xbfA01\r\nB02\r\n")
    assert read_list(path) == ("A01", "B02")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names nothing"),
        (b"# A01\n", "names nothing"),
        (b"A01\nB02\nA01\n", "A01 more than once"),
        (b"\xff\xfe\x00", "not a readable list"),
        (None, "not a readable list"),
    ],
)
def test_bad_lists_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "wells.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_list(path)
    assert "wells.txt" in str(caught.value)


def test_the_published_splits(bbbc010):
    wells = find_wells(bbbc010)
    training, validation = (read_list(bbbc010 / f"{name}.txt") for name in ("train", "validation"))
    assert (len(training), len(validation)) == (50, 22)
    assert not set(training) & set(validation)
    assert set(training) | set(validation) <= set(wells)


def test_real_masks(bbbc010):
    truth = read_worm_masks(bbbc010, "A01")
    assert truth.shape == (520, 696)
    assert 11 <= len(truth) <= 15
    assert truth.areas().min() > 300
