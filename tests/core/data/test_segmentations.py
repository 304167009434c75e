from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.segmentations import check_same_images, find_segmentations
from napari_probinst.core.errors import InputError
from napari_probinst.core.instances import Instance


def labels(value=1, shape=(6, 8)):
    page = np.zeros(shape, np.uint16)
    page[1:4, 2:5] = value
    return page


def write(path, page=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, labels() if page is None else page, photometric="minisblack")
    return path


def found(path, **options):
    return {one.name: one for one in find_segmentations(path, **options)}


def test_a_file_is_one_segmentation(tmp_path):
    one = found(write(tmp_path / "a.tif"))["a"]
    assert one.file_name == "a.tif"
    np.testing.assert_array_equal(one.read().cover(), labels())


def test_a_folder_is_one_segmentation_a_file(tmp_path):
    for name in ("b.tif", "a.ome.tif", ".hidden.tif"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("x")
    write(tmp_path / "inner" / "c.tif")
    assert list(found(tmp_path)) == ["a", "b"]


def test_files_that_say_what_they_are_count_alone(tmp_path):
    # As Cellpose leaves them: the image, its masks and a picture for people.
    for name in ("a.tif", "a_cp_masks.tif", "a_cp_output.tif", "b.tif", "b_cp_masks.tif"):
        write(tmp_path / name)
    assert {name: one.file_name for name, one in found(tmp_path).items()} == {
        "a": "a_cp_masks.tif",
        "b": "b_cp_masks.tif",
    }


def test_of_one_programs_files_stacks_are_preferred_and_corrections_first(tmp_path):
    for name in ("a.labels.tif", "a.entropy.tif", "a.instances.tif"):
        write(tmp_path / name)
    assert found(tmp_path)["a"].file_name == "a.instances.tif"
    write(tmp_path / "a.corrected.instances.tif")
    assert found(tmp_path)["a"].file_name == "a.corrected.instances.tif"


def test_a_data_set_is_one_segmentation_an_image(tmp_path):
    bar = Instance.from_mask(labels())
    images = [CocoImage("b.png", (6, 8), [bar], [1.0]), CocoImage("dir/a.tif", (6, 8), [], [])]
    write_coco(images, tmp_path / "set.json")
    read = found(tmp_path / "set.json", name_of=lambda name: Path(name).stem)
    assert list(read) == ["a", "b"]
    assert len(read["a"].read()) == 0
    np.testing.assert_array_equal(read["b"].read().cover(), labels())


def test_names_are_what_they_are_said_to_be(tmp_path):
    write(tmp_path / "plate_A01.tif")
    assert list(found(tmp_path, name_of=lambda name: name.split("_")[1])) == ["A01.tif"]


def test_two_segmentations_of_one_image_are_refused(tmp_path):
    for name in ("a.tif", "a.tiff"):
        write(tmp_path / name)
    with pytest.raises(InputError, match=r"two segmentations of a, a\.tif and a\.tiff"):
        find_segmentations(tmp_path)


def test_nothing_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no segmentation"):
        find_segmentations(tmp_path)
    with pytest.raises(InputError, match="doesn't exist"):
        find_segmentations(tmp_path / "absent.tif")
    write_coco([], tmp_path / "set.json")
    with pytest.raises(InputError, match="holds no segmentation"):
        find_segmentations(tmp_path / "set.json")


def test_draws_of_other_images_are_refused_by_name(tmp_path):
    for name in ("one/a.tif", "one/b.tif", "two/a.tif"):
        write(tmp_path / name)
    draws = [(tmp_path / part, find_segmentations(tmp_path / part)) for part in ("one", "two")]
    with pytest.raises(InputError, match=r"two holds no segmentation of b, which .*one has"):
        check_same_images(draws)
    check_same_images([draws[0], draws[0]])
