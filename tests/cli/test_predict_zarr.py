"""Results as OME-Zarr: the same values as the other files, chunk by chunk, and gone on with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile
import zarr

from napari_probinst.core.batch import result_zarr
from napari_probinst.core.data import ome_zarr

CHUNK = 16


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(ome_zarr, "CHUNK", CHUNK)


@pytest.fixture
def slide(tmp_path, write, pixels):
    folder = tmp_path / "slides"
    folder.mkdir()
    return write(folder / "slide.tif", pixels(0, (2, 40, 55)))


@pytest.fixture
def root(tmp_path, predict, slide):
    """Group that a run has written."""
    assert predict(slide, tmp_path / "out", "--ome-zarr").code == 0
    return zarr.open_group(tmp_path / "out" / "slide.prediction.ome.zarr", mode="r")


def read(tmp_path, kind):
    return tifffile.imread(tmp_path / "out" / f"slide.{kind}.tif")


def test_the_maps_are_channels_at_every_level(tmp_path, root):
    maps = np.stack([read(tmp_path, "probability"), read(tmp_path, "entropy")])
    (pyramid,) = root.attrs["ome"]["multiscales"]
    assert [axis["name"] for axis in pyramid["axes"]] == ["c", "y", "x"]
    assert [level["path"] for level in pyramid["datasets"]] == ["0", "1", "2"]
    for level, step in enumerate((1, 2, 4)):
        array = root[str(level)]
        assert array.chunks == (1, min(CHUNK, array.shape[1]), min(CHUNK, array.shape[2]))
        assert np.array_equal(array[:], maps[:, ::step, ::step])
        scale = pyramid["datasets"][level]["coordinateTransformations"][0]["scale"]
        assert scale == [1, step, step]
    channels = root.attrs["ome"]["omero"]["channels"]
    assert [channel["label"] for channel in channels] == ["probability", "entropy"]


def test_every_instance_is_whole_on_one_label_image(tmp_path, root):
    labels = read(tmp_path, "labels")
    names = root["labels"].attrs["ome"]["labels"]
    assert len(names) > 1
    layers = [root[f"labels/{name}"] for name in names]
    pages = np.stack([layer["0"][:] for layer in layers])
    assert np.array_equal((pages > 0).any(axis=0), labels > 0)
    assert (pages == labels).any(axis=0)[labels > 0].all()
    assert ((pages > 0).sum(axis=0) > 1).sum() == root.attrs["napari-probinst"]["n_overlap_pixels"]
    for layer, page in zip(layers, pages, strict=True):
        areas = {
            one["label-value"]: one["area"]
            for one in layer.attrs["ome"]["image-label"]["properties"]
        }
        values, counts = np.unique(page[page > 0], return_counts=True)
        assert areas == dict(zip(values.tolist(), counts.tolist(), strict=True))
        assert np.array_equal(layer["2"][:], page[::4, ::4])


def test_no_page_is_made_as_a_whole(tmp_path, predict, slide, monkeypatch):
    shapes = []
    entropy_map = result_zarr.entropy_map

    def told(*arguments):
        page = entropy_map(*arguments)
        shapes.append(page.shape)
        return page

    monkeypatch.setattr(result_zarr, "entropy_map", told)
    assert predict(slide, tmp_path / "out", "--ome-zarr").code == 0
    assert max(shapes) == (CHUNK, CHUNK)


def test_it_belongs_to_what_is_finished(tmp_path, predict, slide, root):
    out = tmp_path / "out"
    assert "finished before" in predict(slide.parent, out, "--ome-zarr").out
    shutil.rmtree(out / "slide.prediction.ome.zarr")
    assert "finished before" in predict(slide.parent, out).out
    # It is made of the prediction that is there.
    assert "finished before" in predict(slide.parent, out, "--ome-zarr").out
    assert (out / "slide.prediction.ome.zarr").is_dir()
    # What is made anew without it leaves no earlier one behind.
    assert predict(slide.parent, out, "--overwrite").code == 0
    assert not (out / "slide.prediction.ome.zarr").exists()


def test_it_is_no_image_to_predict(predict, slide):
    assert predict(slide.parent, slide.parent, "--ome-zarr").code == 0
    assert (slide.parent / "slide.prediction.ome.zarr").is_dir()
    assert "0 predicted, 1 finished before" in predict(slide.parent, slide.parent).out


def test_a_folder_of_its_name_that_somebody_else_made_stays(tmp_path, predict, slide):
    other = tmp_path / "out" / "slide.prediction.ome.zarr"
    other.mkdir(parents=True)
    (other / "notes.txt").write_text("mine")
    assert predict(slide, tmp_path / "out", "--overwrite").code == 0
    refused = predict(slide, tmp_path / "out", "--overwrite", "--ome-zarr")
    assert refused.code != 0
    assert (other / "notes.txt").read_text() == "mine"
