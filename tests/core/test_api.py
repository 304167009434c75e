from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
import torch
import zarr

import napari_probinst
from napari_probinst import predict, train
from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.errors import ConfigError, InputError, ModelError, OutputError
from napari_probinst.core.network.checkpoint import load_model, model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

PIXELS = np.random.default_rng(0).integers(0, 4000, (2, 15, 22)).astype(np.uint16)


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    torch.manual_seed(0)
    config = NetworkConfig(filters=4, levels=2, initial_rate=0.2)
    inference = InferenceConfig(
        n_draws=2, min_size=4, n_seeds=16, bandwidth=0.5, cluster_threshold=0.5
    )
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    path.write_bytes(model_bytes(UNet(config), ModelHeader(network=config, inference=inference)))
    return path


@pytest.fixture(scope="module")
def model(model_file):
    return load_model(model_file)


def same(first, second):
    """Whether two predictions hold the same instances, draws and peaks."""
    one, other = (
        [
            (item.bbox, item.matches, item.counts.tobytes())
            for item in prediction.instances.instances
        ]
        for prediction in (first, second)
    )
    return one == other and first.peaks == second.peaks


def test_the_package_offers_two_functions():
    assert napari_probinst.__all__ == ["__version__", "predict", "train"]
    with pytest.raises(AttributeError, match="segment"):
        napari_probinst.segment  # noqa: B018


def test_an_array_a_file_and_a_loaded_model_give_the_same(tmp_path, model, model_file):
    path = tmp_path / "well.tif"
    tifffile.imwrite(path, PIXELS, photometric="minisblack")
    array = predict(PIXELS, model)
    assert len(array.instances) > 0
    assert array.shape == (15, 22)
    for image in (path, str(path)):
        for given in (model_file, str(model_file)):
            file = predict(image, given)
            assert same(array, file)
            assert file.name == "well"
            assert file.provenance == array.provenance
            assert file.provenance.model_name == "tiny.safetensors"


def test_the_optional_channel_may_be_left_out(tmp_path, model):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS[0])
    plane = predict(PIXELS[0], model)
    assert same(plane, predict(PIXELS[:1], model))
    assert same(plane, predict(path, model))
    assert predict(PIXELS[0].tolist(), model).shape == (15, 22), "a list is as good as an array"
    assert not same(plane, predict(PIXELS, model))


def test_settings_are_those_of_the_model_unless_given(model):
    assert predict(PIXELS, model).settings == model.header.inference
    prediction = predict(PIXELS, model, n_draws=3, seed=7, min_size=0)
    assert (prediction.settings.n_draws, prediction.settings.seed) == (3, 7)
    assert prediction.instances.n_draws == 3
    assert len(predict(PIXELS, model, min_size=10_000).instances) == 0
    with pytest.raises(ConfigError, match="n_draws is 0; expected at least 1"):
        predict(PIXELS, model, n_draws=0)
    with pytest.raises(ConfigError, match="n_drawz"):
        predict(PIXELS, model, n_drawz=3)
    with pytest.raises(ConfigError, match="'toaster' is no device"):
        predict(PIXELS, model, device="toaster")


@pytest.mark.parametrize("lazy", [da.from_array, zarr.array])
def test_lazy_arrays_give_what_the_arrays_they_hold_give(model, lazy):
    assert same(predict(lazy(PIXELS), model), predict(PIXELS, model))
    assert same(predict(lazy(PIXELS[0]), model), predict(PIXELS[0], model))


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (np.zeros((3, 5, 6)), r"shape \(3, 5, 6\); expected .* up to 2 channels"),
        (np.zeros((1, 1, 5, 6)), r"shape \(1, 1, 5, 6\)"),
        (np.zeros(7), r"shape \(7,\)"),
        (np.zeros((0, 5, 6)), r"shape \(0, 5, 6\)"),
        (np.zeros((2, 0, 6)), r"shape \(2, 0, 6\)"),
        (np.full((5, 6), np.nan), "NaN"),
        (np.full((5, 6), np.inf), "infinite"),
        (np.ones((5, 6), complex), "complex"),
        (np.full((5, 6), "a"), "no real numbers"),
        (np.full((5, 6), None), "no real numbers"),
    ],
)
def test_arrays_that_are_no_image_are_refused(model, image, reason):
    with pytest.raises(InputError, match=reason):
        predict(image, model)


def test_paths_that_are_no_image_are_refused(tmp_path, model):
    with pytest.raises(InputError, match=r"absent\.tif doesn't exist"):
        predict(tmp_path / "absent.tif", model)
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, photometric="minisblack")
    with pytest.raises(InputError, match="is a folder; expected an image file"):
        predict(tmp_path, model)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "m.safetensors").write_text("weights")
    with pytest.raises(ModelError, match=r"m\.safetensors is not a model"):
        predict(PIXELS, tmp_path / "m.safetensors")


def test_a_model_of_the_package_is_the_default(monkeypatch, model_file):
    monkeypatch.setattr("napari_probinst.core.api.default_model", lambda: model_file)
    assert predict(PIXELS).provenance.model_name == "tiny.safetensors"


def test_training_replaces_nothing_unasked(tmp_path, model_file):
    there = model_file.read_bytes()
    with pytest.raises(OutputError, match="exists: give --overwrite to begin anew"):
        train(tmp_path, model_file)
    assert model_file.read_bytes() == there
    with pytest.raises(InputError, match="holds neither the folders 'images'"):
        train([tmp_path], model_file, start_from=model_file, overwrite=True)
    with pytest.raises(ModelError, match=r"none\.safetensors"):
        train(tmp_path, tmp_path / "m.safetensors", start_from=tmp_path / "none.safetensors")


def test_training_checks_what_it_is_given_first(tmp_path):
    with pytest.raises(OutputError, match=r"ends in \.safetensors"):
        train(tmp_path, tmp_path / "model.pt")
    with pytest.raises(InputError, match="holds neither the folders 'images'"):
        train(str(tmp_path), str(tmp_path / "m.safetensors"))
    (tmp_path / "settings.yaml").write_text("network: {filters: 0}")
    with pytest.raises(ConfigError, match=r"settings\.yaml: network\.filters"):
        train(tmp_path, tmp_path / "m.safetensors", tmp_path / "settings.yaml")
