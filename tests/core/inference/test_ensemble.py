from __future__ import annotations

import pytest
import torch

from napari_probinst.core.config import ChannelConfig, InferenceConfig, NetworkConfig
from napari_probinst.core.errors import ModelError
from napari_probinst.core.inference.ensemble import (
    check_agreement,
    common_extent,
    own_settings,
    take_turns,
)
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet


def _model(name, dropout="concrete", extent=(528, 704), channels=("c",), **inference):
    torch.manual_seed(0)
    config = NetworkConfig(
        channels=tuple(ChannelConfig(name=channel) for channel in channels),
        filters=2,
        levels=2,
        embedding_dimensions=2,
        dropout=dropout,
        coordinates="input",
    )
    header = ModelHeader(network=config, extent=extent, inference=InferenceConfig(**inference))
    return Model(UNet(config).eval(), header, checksum=name * 4, file_name=name)


def _turns(models, **settings):
    turns = take_turns(models, InferenceConfig(**settings))
    return [(turn.model.file_name, turn.draw, turn.orientation) for turn in turns]


def test_one_model_makes_all_draws():
    assert _turns([_model("a")], n_draws=3) == [("a", 0, 0), ("a", 1, 0), ("a", 2, 0)]


def test_models_take_turns():
    expected = [("a", 0, 0), ("b", 0, 0), ("a", 1, 0), ("b", 1, 0), ("a", 2, 0)]
    assert _turns([_model("a"), _model("b")], n_draws=5) == expected


def test_flips_go_round_for_each_model():
    turns = _turns([_model("a"), _model("b")], n_draws=10, flips=True)
    assert [turn[2] for turn in turns] == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]


def test_all_eight_orientations_where_the_extent_is_square():
    turns = _turns([_model("a", extent=(512, 512))], n_draws=9, flips=True)
    assert [turn[2] for turn in turns] == [0, 1, 2, 3, 4, 5, 6, 7, 0]


@pytest.mark.parametrize(("flips", "n_draws"), [(False, 1), (True, 4)])
def test_a_deterministic_model_has_a_draw_for_each_orientation(flips, n_draws):
    turns = _turns([_model("a", "none")], n_draws=8, flips=flips)
    assert turns == [("a", draw, draw) for draw in range(n_draws)]


def test_deterministic_models_make_one_draw_each():
    models = [_model(name, "none") for name in "abc"]
    assert _turns(models, n_draws=8) == [("a", 0, 0), ("b", 0, 0), ("c", 0, 0)]
    assert _turns(models, n_draws=2) == [("a", 0, 0), ("b", 0, 0)]


def test_a_stochastic_model_goes_on_alone():
    models = [_model("a", "none"), _model("b")]
    expected = [("a", 0, 0), ("b", 0, 0), ("b", 1, 0), ("b", 2, 0)]
    assert _turns(models, n_draws=4) == expected


def test_each_model_is_clustered_its_own_way_but_for_what_was_changed():
    first = _model("a", bandwidth=2.0, cluster_threshold=5.0, min_size=100)
    other = _model("b", bandwidth=1.5, cluster_threshold=4.0, min_size=50)
    defaults = first.header.inference
    untouched = own_settings(other, defaults, defaults)
    assert (untouched.bandwidth, untouched.cluster_threshold, untouched.min_size) == (1.5, 4.0, 50)
    asked = defaults.model_copy(update={"cluster_threshold": 3.0, "n_draws": 5})
    own = own_settings(other, asked, defaults)
    assert (own.bandwidth, own.cluster_threshold, own.min_size, own.n_draws) == (1.5, 3.0, 50, 5)
    assert own_settings(first, asked, defaults) == asked


def test_the_extent_suits_all():
    assert common_extent([_model("a", extent=(64, 128)), _model("b", extent=(96, 32))]) == (64, 32)


def test_models_of_other_channels_are_refused():
    check_agreement([_model("a"), _model("b")])
    with pytest.raises(ModelError, match=r"b expects the channels c, d, and a c, .*; use models"):
        check_agreement([_model("a"), _model("b", channels=("c", "d"))])


def test_a_model_given_twice_is_refused():
    with pytest.raises(ModelError, match=r"a is given twice.*once\."):
        check_agreement([_model("a"), _model("b"), _model("a")])
