from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import tifffile
from safetensors import safe_open

from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.header import read_header, with_header

NAMES = ("a", "b", "c")


@pytest.fixture
def folder(tmp_path, pixels):
    """Three images of two channels, which one instance nearly fills."""
    data = tmp_path / "data"
    for part in ("images", "instances"):
        (data / part).mkdir(parents=True)
    labels = np.zeros((20, 24), np.uint16)
    labels[1:] = 1
    for seed, name in enumerate(NAMES):
        image = (pixels(seed, (2, 20, 24)) // 8 + 500 * (labels > 0)).astype(np.uint16)
        tifffile.imwrite(data / "images" / f"{name}.tif", image, photometric="minisblack")
        tifffile.imwrite(data / "instances" / f"{name}.tif", labels)
    (data / "wells.txt").write_text("\n".join(NAMES))
    return data


@pytest.fixture
def own_model(tmp_path, model):
    """A copy of the tiny model that may be written to, and takes all pixels for foreground."""
    path = tmp_path / "own.safetensors"
    header = read_header(model).model_copy(update={"calibration": Calibration(offset=-30)})
    path.write_bytes(with_header(model.read_bytes(), header))
    return path


@pytest.fixture
def tune(run, folder, own_model):
    """Return the function that tunes the copy on the folder."""

    def tune(*options, model=own_model, data=folder, wells=folder / "wells.txt"):
        listed = () if wells is None else ("--wells", wells)
        return run("tune", "--model", model, "--data", data, *listed, *options)

    return tune


def _weights(path):
    """Bytes after the JSON text, and the places it states of the tensors in them."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    entries = json.loads(content[8 : 8 + length])
    del entries["__metadata__"]
    return content[8 + length :], entries


def test_the_choice_becomes_the_models_default_and_is_repeatable(tune, own_model, model, tmp_path):
    in_files, unchanged = tmp_path / "in files.safetensors", own_model.read_bytes()
    assert tune("--output", in_files, "--memory", "0").code == 0
    assert own_model.read_bytes() == unchanged

    before = read_header(own_model)
    done = tune()
    assert done.code == 0, done
    assert "3 images, 2 draws each" in done.out
    assert "cross-validated" in done.out
    assert "DSB/image" in done.out
    after = read_header(own_model)
    assert after.tuning["program"].startswith("napari-probinst ")
    assert [fold["images"] for fold in after.tuning["folds"]] == [["a", "c"], ["b"]]
    scores = after.tuning
    assert scores["all_images"]["dsb_image"] >= scores["before"]["dsb_image"]
    assert after.model_copy(update={"inference": before.inference, "tuning": {}}) == before
    assert after.inference.n_seeds == before.inference.n_seeds
    assert _weights(own_model) == _weights(model)
    load_model(own_model)
    with safe_open(own_model, "pt") as opened:
        assert opened.keys()
    # The same where the draws are in files.
    assert in_files.read_bytes() == own_model.read_bytes()


def test_another_output_leaves_the_model_alone_and_folds_are_those_of_a_file(
    tune, folder, own_model, tmp_path
):
    before = own_model.read_bytes()
    output = tmp_path / "tuned.safetensors"
    (folder / "folds.yaml").write_text("- [a]\n- [b, c]\n")
    done = tune("--output", output, "--draws", "3", "--flips", "--folds", folder / "folds.yaml")
    assert done.code == 0, done
    assert own_model.read_bytes() == before
    assert "exists: give --overwrite to replace it" in tune("--output", output).refusal()
    header = read_header(output)
    assert (header.inference.n_draws, header.inference.flips) == (3, True)
    assert "3 images, 3 draws each" in done.out
    assert [fold["images"] for fold in header.tuning["folds"]] == [["a"], ["b", "c"]]


def test_images_that_were_held_out_are_the_default(tune, make_model):
    training = {"training_images": ["b"], "held_out_images": ["c", "gone", "a"]}
    model = make_model("trained.safetensors", training=training)
    done = tune(model=model, wells=None)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Tuning on 2 of the 3 images that the training of trained")
    assert [fold["images"] for fold in read_header(model).tuning["folds"]] == [["a"], ["c"]]


def test_images_that_were_trained_on_are_told(tune, make_model):
    model = make_model("trained.safetensors", training={"training_images": ["b", "x"]})
    done = tune(model=model)
    assert done.code == 0
    (line,) = done.err.splitlines()
    assert line.startswith(
        "By their names, trained.safetensors was trained on 1 of the 3 images (b):"
    )


def test_without_images_held_out_a_list_is_asked_for(tune, make_model):
    assert "states no image that its training held out" in tune(wells=None).refusal()
    model = make_model("other.safetensors", training={"held_out_images": ["x", "y"]})
    assert "none of the images that the training" in tune(model=model, wells=None).refusal()


def _one_well(folder):
    (folder / "wells.txt").write_text("a\n")


def _unknown_well(folder):
    (folder / "wells.txt").write_text("a\nx\n")


def _listed_twice(folder):
    (folder / "wells.txt").write_text("a\na\n")


def _no_truth(folder):
    (folder / "instances" / "b.tif").unlink()


def _other_size(folder):
    tifffile.imwrite(folder / "instances" / "b.tif", np.ones((5, 6), np.uint8))


def _nothing_to_find(folder):
    for name in NAMES:
        tifffile.imwrite(folder / "instances" / f"{name}.tif", np.zeros((20, 24), np.uint8))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_one_well, "needs two images"),
        (_unknown_well, "x"),
        (_listed_twice, "a more than once"),
        (_no_truth, "b"),
        (_other_size, "5 x 6"),
        (_nothing_to_find, "no instance at all"),
    ],
)
def test_bad_data_are_refused_and_the_model_stays(tune, folder, own_model, spoil, message):
    before = own_model.read_bytes()
    spoil(folder)
    assert message in tune().refusal()
    assert own_model.read_bytes() == before


def test_a_choice_that_finds_nothing_is_refused_and_the_model_stays(tune, own_model):
    header = read_header(own_model)
    blind = header.model_copy(update={"calibration": Calibration(offset=30)})
    own_model.write_bytes(with_header(own_model.read_bytes(), blind))
    before = own_model.read_bytes()
    assert "finds an object of the truth (DSB 0.000)" in tune().refusal()
    assert own_model.read_bytes() == before


def test_bad_options_are_refused(tune, folder, tmp_path):
    assert "own.txt" in tune("--output", tmp_path / "own.txt").refusal()
    assert "none.safetensors" in tune(model=tmp_path / "none.safetensors").refusal()
    assert "not a folder" in tune(data=tmp_path / "nowhere").refusal()
    (folder / "folds.yaml").write_text("- [a, b]\n- [c, d]\n")
    assert "d" in tune("--folds", folder / "folds.yaml").refusal()
    assert "n_draws" in tune("--draws", "0").refusal()
    assert "device" in tune("--device", "abacus").refusal()
