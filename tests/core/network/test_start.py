"""Settings of a training that starts from a model."""

from __future__ import annotations

import pytest

from napari_probinst.core.config import (
    ChannelConfig,
    Config,
    InferenceConfig,
    NetworkConfig,
    TrainingConfig,
)
from napari_probinst.core.errors import ConfigError
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.inherited_weights import load_weights_of
from napari_probinst.core.network.start import HELD_RATES, continued, misfit
from napari_probinst.core.network.unet import UNet

NETWORK = NetworkConfig(
    channels=(ChannelConfig(name="DAPI"),), filters=4, levels=3, embedding_dimensions=4
)
TUNED = InferenceConfig(bandwidth=1.5, min_size=40, own_bandwidth=True, probability_threshold=0.4)
RECORD = {"config": {"loss": {"overlap_weight": 1.0}, "training": {"crop": 64, "max_steps": 7}}}
START = ModelHeader(network=NETWORK, inference=TUNED, binning=2, training=RECORD)


def settings(**stated):
    return continued(stated, START, "mine.yaml", "old.safetensors")


def test_what_is_left_out_is_the_models():
    made = settings()
    assert (made.network, made.inference) == (NETWORK, TUNED)
    assert made.loss.overlap_weight == 1
    training = made.training
    assert (training.binning, training.crop) == (2, 64)
    assert training.rate_learning_rate == HELD_RATES
    assert training.max_steps == TrainingConfig().max_steps


def test_what_is_stated_counts_alone():
    made = settings(inference={"min_size": 9}, training={"rate_learning_rate": 0.1}, network={})
    assert made.inference == TUNED.model_copy(update={"min_size": 9})
    assert made.training.rate_learning_rate == 0.1
    renamed = settings(network={"channels": [{"name": "GFP", "gain": 3}]})
    assert renamed.network == NETWORK.model_copy(
        update={"channels": (ChannelConfig(name="GFP", gain=3),)}
    )


def test_crop_of_another_binning_is_not_taken_over():
    assert settings(training={"binning": 1}).training.crop == TrainingConfig().crop
    assert settings(training={"binning": 1, "crop": 128}).training.crop == 128


def test_model_without_a_record_leaves_the_defaults():
    made = continued({}, START.model_copy(update={"training": {}}), "old", "old")
    assert made == Config(
        network=NETWORK,
        inference=TUNED,
        training=TrainingConfig(binning=2, rate_learning_rate=HELD_RATES),
    )


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"network": {"filters": 8}}, "network.filters is 8, but 4 in old.safetensors"),
        ({"network": {"levels": 2}}, "network.levels is 2, but 3 in"),
        ({"network": {"coordinates": "input"}}, "coordinates is input, but output in"),
        ({"network": {"channels": [{"name": n} for n in "rgb"]}}, "has 3, but 1 in"),
        ({"network": {"wings": 2}}, "mine.yaml: network.wings"),
        ({"network": 7}, "mine.yaml: network"),
    ],
)
def test_network_of_another_shape_is_refused_with_both_values(stated, reason):
    with pytest.raises(ConfigError, match=reason):
        settings(**stated)


VARIANTS = [
    NETWORK.model_copy(update=changed)
    for changed in (
        *({"coordinates": place} for place in ("input", "output", "none")),
        {"class_decoder": True},
        {"class_decoder": True, "global_context": True},
        {"dropout": "none"},
        {"embedding_dimensions": 5},
    )
]


@pytest.mark.parametrize("start", VARIANTS)
@pytest.mark.parametrize("network", VARIANTS)
def test_misfits_are_those_that_the_network_refuses(network, start):
    try:
        load_weights_of(UNet(network), UNet(start))
    except RuntimeError:
        assert misfit(network, start)
    else:
        assert not misfit(network, start)
