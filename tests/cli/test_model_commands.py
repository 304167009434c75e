"""The commands that make one model file from others: average and calibrate."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.header import read_header


@pytest.fixture
def folder(tmp_path, pixels):
    """Two images of two channels with an instance each."""
    data = tmp_path / "data"
    for part in ("images", "instances"):
        (data / part).mkdir(parents=True)
    labels = np.zeros((20, 24), np.uint16)
    labels[2:8, 2:20] = 1
    for seed, name in enumerate("ab"):
        image = (pixels(seed, (2, 20, 24)) // 8 + 500 * (labels > 0)).astype(np.uint16)
        tifffile.imwrite(data / "images" / f"{name}.tif", image, photometric="minisblack")
        tifffile.imwrite(data / "instances" / f"{name}.tif", labels)
    return data


def test_calibration_goes_into_the_header_and_leaves_the_weights(run, folder, make_model, tmp_path):
    model = make_model("trained.safetensors", training={"training_images": ["b"]})
    output = tmp_path / "calibrated.safetensors"
    done = run("calibrate", "--model", model, "--data", folder, "--output", output)
    assert done.code == 0, done
    assert "1 images: IoU of the foreground" in done.out
    again = ("calibrate", "--model", model, "--data", folder, "--output", output)
    assert "exists: give --overwrite to replace it" in run(*again).refusal()
    assert run(*again, "--overwrite").code == 0
    before, after = load_model(model), load_model(output)
    assert after.header.calibration is not None
    assert after.header.training["calibration"]["images"] == ["b"]
    weights = before.network.state_dict()
    assert all(
        (weight == weights[name]).all() for name, weight in after.network.state_dict().items()
    )


def test_calibration_shows_in_a_prediction(run, folder, make_model, tmp_path):
    """A calibration that calls everything background leaves no instance."""
    line = {"offset": 50.0, "slope": 0.0, "least_share": 0.0, "largest_share": 1.0}
    image = folder / "images" / "a.tif"
    counts = []
    for name, calibration in (("plain", None), ("shifted", line)):
        model = make_model(f"{name}.safetensors", calibration=calibration)
        output = tmp_path / name
        done = run("predict", image, "--model", model, "--output", output)
        assert done.code == 0, done
        counts.append(done.out)
    assert counts[0] != counts[1]
    assert "0 instances" in counts[1]


def test_images_to_calibrate_on_have_to_be_there(run, folder, make_model, tmp_path):
    stranger = make_model("stranger.safetensors", training={"training_images": ["x"]})
    arguments = ("calibrate", "--model", stranger, "--data", folder)
    assert "none of the images that stranger.safetensors" in run(*arguments).refusal()
    wells = tmp_path / "wells.txt"
    wells.write_text("a\nc\n")
    assert "does not hold c" in run(*arguments, "--wells", wells).refusal()
    wells.write_text("a\n")
    assert run(*arguments, "--wells", wells).code == 0
    assert read_header(stranger).calibration is not None


def test_average_writes_a_model_that_says_what_it_is_made_of(run, make_model, tmp_path):
    fitted = {"offset": 1.0, "slope": 2.0, "overlap": -2.5}
    models = [
        make_model(f"{name}.safetensors", description=name, tuning={"x": 1}, calibration=fitted)
        for name in "ab"
    ]
    output = tmp_path / "mean.safetensors"
    done = run("average", *models, "--output", output, "--shares", "0.25,0.75")
    assert done.code == 0, done
    header = read_header(output)
    assert (header.name, header.tuning) == ("mean", {})
    assert header.calibration == Calibration(overlap=-2.5)
    made_of = header.training["averaged"]
    assert [entry["file"] for entry in made_of["models"]] == ["a.safetensors", "b.safetensors"]
    assert made_of["shares"] == [0.25, 0.75]


@pytest.mark.parametrize(("shares", "message"), [("a,b", "are no shares"), ("1", "as many shares")])
def test_bad_shares_are_refused_and_nothing_is_written(run, make_model, tmp_path, shares, message):
    models = [make_model(f"{name}.safetensors", description=name) for name in "ab"]
    output = tmp_path / "mean.safetensors"
    done = run("average", *models, "--output", output, "--shares", shares)
    assert message in done.refusal()
    assert not output.exists()


def test_average_replaces_no_model_unasked_and_none_of_its_own(run, make_model, tmp_path):
    models = [make_model(f"{name}.safetensors", description=name) for name in "ab"]
    kept = [model.read_bytes() for model in models]
    done = run("average", *models, "--output", models[0], "--overwrite")
    assert "a.safetensors is what is read, and would be lost" in done.refusal()
    output = tmp_path / "mean.safetensors"
    output.write_bytes(b"another model")
    done = run("average", *models, "--output", output)
    assert "exists: give --overwrite to replace it" in done.refusal()
    assert output.read_bytes() == b"another model"
    assert run("average", *models, "--output", output, "--overwrite").code == 0
    assert read_header(output).name == "mean"
    assert [model.read_bytes() for model in models] == kept
