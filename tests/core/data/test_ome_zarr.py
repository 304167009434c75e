"""OME-Zarr as zarr reads it back: every instance whole, on one of the label images."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import zarr

from napari_probinst.core.data.ome_zarr import CHUNK, overlap_free_layers, write_ome_zarr
from napari_probinst.core.errors import OutputError

#: By id. 1 overlaps 2, and 2 overlaps 3; 1 and 3 don't meet.
IMAGE = {1: "###... ......", 2: "..###. ......", 300: "....## ....##"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "C04.ome.zarr"


@pytest.fixture
def read(path):
    return lambda: zarr.open_group(path, mode="r")


def test_overlapping_instances_lie_on_different_label_images(path, exported, read):
    image = exported(IMAGE)
    write_ome_zarr(image, path)
    root = read()
    names = root["labels"].attrs["ome"]["labels"]
    assert names == ["instances-1", "instances-2"]
    pages = [root[f"labels/{name}/0"][:] for name in names]
    assert [sorted(np.unique(page)) for page in pages] == [[0, 1, 300], [0, 2]]
    for one in image.instances:
        held = np.any([page == one.id for page in pages], axis=0)
        assert np.array_equal(held, one.instance.full(image.shape))


def test_the_image_counts_instances_and_the_attributes_overlaps(path, exported, read):
    image = exported(IMAGE, settings={"threshold": 0.75})
    write_ome_zarr(image, path)
    root = read()
    assert root["0"][:2, :6].tolist() == [[1, 1, 2, 1, 2, 1], [0, 0, 0, 0, 1, 1]]
    about = root.attrs["napari-probinst"]
    assert (about["n_instances"], about["n_overlap_pixels"]) == (3, 2)
    assert (about["threshold"], about["curated"]) == (0.75, False)


def test_metadata_is_that_of_the_format(path, exported, read):
    write_ome_zarr(exported(IMAGE, pixel_size=(0.5, 0.25)), path)
    root = read()
    for group in (root, root["labels/instances-1"]):
        ome = group.attrs["ome"]
        assert ome["version"] == "0.5"
        (pyramid,) = ome["multiscales"]
        assert pyramid["axes"] == [
            {"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"
        ]
        (level,) = pyramid["datasets"]
        assert level["coordinateTransformations"] == [{"type": "scale", "scale": [0.5, 0.25]}]
        assert group[level["path"]].metadata.dimension_names == ("y", "x")
    label = root["labels/instances-1"].attrs["ome"]["image-label"]
    assert label["source"] == {"image": "../../"}
    assert label["properties"][1] == {
        "label-value": 300,
        "area": 4,
        "state": "predicted",
        "probability": 0.875,
        "score": 0.5,
    }


def test_large_images_are_a_pyramid_of_every_second_pixel(path, exported, read):
    image = exported({1: "#####"}, shape=(3, CHUNK + 1))
    write_ome_zarr(image, path)
    root = read()
    scales = [
        level["coordinateTransformations"][0]["scale"]
        for level in root.attrs["ome"]["multiscales"][0]["datasets"]
    ]
    assert scales == [[1, 1], [2, 2]]
    labels = root["labels/instances-1"]
    assert labels["1"].shape == (2, CHUNK // 2 + 1)
    assert np.array_equal(labels["1"][:], labels["0"][::2, ::2])


def test_no_instance_is_one_empty_label_image(path, exported, read):
    write_ome_zarr(exported({}), path)
    assert list(read()["labels"].attrs["ome"]["labels"]) == ["instances-1"]
    assert not read()["labels/instances-1/0"][:].any()
    label = read()["labels/instances-1"].attrs["ome"]["image-label"]
    assert "properties" not in label  # the format's schema allows no empty list


def test_an_export_is_replaced_and_anything_else_is_left(path, exported, read):
    write_ome_zarr(exported(IMAGE), path)
    write_ome_zarr(exported({7: "#"}), path)
    assert read()["labels"].attrs["ome"]["labels"] == ["instances-1"]
    microscope = path.with_name("image.zarr")
    zarr.open_group(microscope, mode="w").attrs["ome"] = {"version": "0.5"}
    with pytest.raises(OutputError, match="choose another name"):
        write_ome_zarr(exported(IMAGE), microscope)
    assert "ome" in zarr.open_group(microscope, mode="r").attrs
    path.with_name("notes.zarr").write_text("mine")
    with pytest.raises(OutputError, match="choose another name"):
        write_ome_zarr(exported(IMAGE), path.with_name("notes.zarr"))


def test_layers_are_as_few_as_instances_overlap(exported):
    assert len(overlap_free_layers(exported({1: "##", 2: "..##", 3: "....##"}).instances)) == 1
    assert len(overlap_free_layers(exported({1: "##", 2: "##", 3: "##"}).instances)) == 3


def test_without_zarr_the_way_to_it_is_said(path, exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(OutputError, match="pip install"):
        write_ome_zarr(exported(IMAGE), path)
    assert not path.exists()
