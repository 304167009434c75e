"""The Predict dock with a tiny untrained model."""

from __future__ import annotations

import pytest

from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.network.checkpoint import model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet


@pytest.fixture
def model(tmp_path):
    network = NetworkConfig(filters=4, levels=3)
    inference = InferenceConfig(n_draws=2, min_size=1, n_seeds=16)
    path = tmp_path / "tiny.safetensors"
    header = ModelHeader(name="tiny", network=network, inference=inference)
    path.write_bytes(model_bytes(UNet(network), header))
    return path


@pytest.fixture
def dock(viewer, model):
    _, made = viewer.window.add_plugin_dock_widget("napari-probinst", "Predict")
    made.add_model(model)
    return made
