"""Stacks (time, z): each plane is an image of the run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_probinst.core.data.io import open_image, read_image
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.data.tiff import open_tiff

SHAPE = (3, 2, 19, 26)


@pytest.fixture
def film(tmp_path, write, pixels):
    """OME-TIFF of three times and two channels, in a folder of its own."""
    folder = tmp_path / "films"
    folder.mkdir()
    return write(folder / "film.ome.tif", pixels(5, SHAPE), metadata={"axes": "TCYX"}, ome=True)


def names(folder):
    return sorted(path.name.split(".")[0] for path in folder.glob("*.prediction.npz"))


def test_each_plane_is_predicted_as_a_file_of_its_own_would_be(
    tmp_path, predict, film, write, pixels
):
    out, apart = tmp_path / "out", tmp_path / "apart"
    done = predict(film, out)
    assert done.code == 0, done
    assert names(out) == ["film_000", "film_001", "film_002"]
    assert "[3/3] film_002: " in done.out
    alone = write(tmp_path / "alone.tif", pixels(5, SHAPE)[1])
    assert predict(alone, apart).code == 0
    plane, other = (
        load_prediction(path)
        for path in (out / "film_001.prediction.npz", apart / "alone.prediction.npz")
    )
    assert plane.provenance == other.provenance
    for kind in ("labels", "probability", "entropy"):
        one, two = out / f"film_001.{kind}.tif", apart / f"alone.{kind}.tif"
        np.testing.assert_array_equal(read_image(one).channels, read_image(two).channels)
    images = json.loads((out / "predictions.json").read_bytes())["images"]
    assert [image["file_name"] for image in images] == [f"film_00{i}.ome.tif" for i in range(3)]


def test_a_stack_goes_on_where_it_was(tmp_path, predict, film, write, pixels):
    out = tmp_path / "out"
    predict(film.parent, out)
    (out / "film_001.prediction.npz").unlink()
    assert "1 predicted, 2 finished before, 0 refused" in predict(film.parent, out).out
    changed = pixels(5, SHAPE)
    changed[2, 0, 3, 4] += 1
    write(film, changed, metadata={"axes": "TCYX"}, ome=True)
    assert "1 predicted, 2 finished before, 0 refused" in predict(film.parent, out).out
    # Another image's run tells of the same planes.
    write(tmp_path / "alone.tif", pixels(1))
    assert "4 images, 3 of them of earlier runs" in predict(tmp_path / "alone.tif", out).out
    images = json.loads((out / "predictions.json").read_bytes())["images"]
    assert "film_002.ome.tif" in [image["file_name"] for image in images]


def test_planes_are_chosen_by_their_stack_or_by_their_own_names(tmp_path, predict, film, write):
    write(film.parent / "other.tif", np.zeros((19, 26), np.uint8))
    for wanted, expected in (("film", 3), ("film_001", 1), ("film_001\nother", 2)):
        (tmp_path / "list.txt").write_text(wanted, encoding="utf-8")
        out = tmp_path / f"out {expected}"
        predict(film.parent, out, "--wells", tmp_path / "list.txt")
        assert len(names(out)) == expected, wanted


def test_processes_share_out_the_planes(tmp_path, predict, film, contents):
    here, there = tmp_path / "here", tmp_path / "there"
    predict(film, here)
    assert predict(film, there, "--workers", 2).code == 0
    alone, shared = contents(here), contents(there)
    for files in (alone, shared):
        del files["images.csv"]  # it states the seconds
    assert shared == alone


def test_rank_and_evaluate_know_the_planes(tmp_path, run, predict, film, write):
    out, truth = tmp_path / "out", tmp_path / "truth"
    predict(film.parent, out)
    assert "film_002" in run("rank", out).out
    truth.mkdir()
    labels = np.zeros(SHAPE[2:], np.uint8)
    labels[3:9, 3:9] = 1
    for number in range(3):
        write(truth / f"film_00{number}.tif", labels)
    done = run("evaluate", out, "--truth", truth, "--output", tmp_path / "report")
    assert done.code == 0, done
    assert "3 images" in done.out


@pytest.mark.parametrize("imagej", [True, False])
def test_time_and_depth_together(tmp_path, predict, write, pixels, imagej):
    options = {"imagej": True} if imagej else {"ome": True}
    stack = pixels(0, (2, 3, 2, 19, 26))
    image = write(tmp_path / "a.tif", stack, metadata={"axes": "TZCYX"}, **options)
    predict(image, tmp_path / "out")
    assert names(tmp_path / "out") == [f"a_00{t}_00{z}" for t in range(2) for z in range(3)]
    np.testing.assert_array_equal(read_image(image, plane=(1, 2)).channels, stack[1, 2])


def test_ome_zarr(tmp_path, predict, pixels):
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="w")
    group.create_array("0", data=pixels(0, SHAPE), chunks=(1, 1, 16, 16))
    axes = [{"name": letter} for letter in "zcyx"]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    group.attrs.update({"ome": ome})
    predict(tmp_path / "a.ome.zarr", tmp_path / "out")
    assert names(tmp_path / "out") == ["a_000", "a_001", "a_002"]


def test_pages_of_unknown_meaning_are_channels_unless_the_axes_are_given(
    tmp_path, predict, write, pixels
):
    image = write(tmp_path / "a.tif", pixels(0, (5, 19, 26)), metadata=None)
    refusal = predict(image, tmp_path / "out").refusal()
    assert "has 5 channels; this model needs 2" in refusal
    assert refusal.endswith("If they are times, give --axes TYX.")
    predict(image, tmp_path / "out", "--axes", "tyx")
    assert len(names(tmp_path / "out")) == 5


def test_a_stack_with_too_many_channels_is_refused_once(tmp_path, predict, write, pixels):
    image = write(tmp_path / "a.tif", pixels(0, (4, 3, 19, 26)), metadata={"axes": "TCYX"})
    refusal = predict(image, tmp_path / "out").refusal()
    assert "Each plane of " in refusal
    assert "has 3 channels; this model needs 2" in refusal


def test_planes_don_t_replace_another_images_results(tmp_path, predict, film, write, pixels):
    """Neither in one run nor in two, whichever comes first."""
    write(film.parent / "film_001.tif", pixels(3))
    done = predict(film.parent, tmp_path / "out")
    assert done.code == 1
    assert "film.ome.tif (its plane 1) and film_001.tif would both be the image" in done.err
    (film.parent / "film_001.tif").unlink()
    other = tmp_path / "others" / "film.tif"
    other.parent.mkdir()
    write(other, pixels(6, SHAPE), metadata={"axes": "TCYX"})
    assert "have the same name" in predict(other, tmp_path / "out").refusal()
    one = write(other.parent / "film_002.tif", pixels(7))
    assert "have the same name" in predict(one, tmp_path / "out").refusal()


def test_of_a_stack_only_the_plane_is_read(tmp_path, write, pixels, monkeypatch):
    image = write(tmp_path / "a.tif", pixels(0, SHAPE), compression="zlib", tile=(16, 16))
    opened = open_tiff(image)
    asked = []
    kind = type(opened.stored)
    original = kind.__getitem__

    def note(self, key):
        asked.append(key[0])
        return original(self, key)

    monkeypatch.setattr(kind, "__getitem__", note)
    open_image(image, axes="TCYX", plane=(1,))
    assert set(asked) == {1}
