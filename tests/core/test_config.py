from __future__ import annotations

import math

import pytest
import yaml
from pydantic import ValidationError

from napari_probinst.core.config import (
    ChannelConfig,
    Config,
    InferenceConfig,
    LossConfig,
    NetworkConfig,
    TrainingConfig,
)
from napari_probinst.core.errors import ConfigError
from napari_probinst.core.section import validated

SECTIONS = (ChannelConfig, *(field.annotation for field in Config.model_fields.values()))


def _file(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_are_the_papers():
    config = Config()
    assert config.loss.delta_d == 4.0
    assert config.loss.distance_norm == "plain"
    assert config.loss.length_scale_squared == config.loss.weight_decay == 1e-6
    assert config.loss.rate_regulariser == 1e-3
    weights = (config.loss.variance_weight, config.loss.distance_weight)
    assert (*weights, config.loss.regulariser_weight) == (1, 1, 0.001)
    assert config.network.embedding_dimensions == 16
    assert config.network.levels == 5
    assert config.inference.n_draws == 8
    assert config.inference.probability_threshold == 0.75
    assert config.inference.patch == 4


def test_round_trip_through_yaml(tmp_path):
    config = Config(
        network=NetworkConfig(channels=(ChannelConfig(name="x"),), filters=19),
        training=TrainingConfig(max_steps=800_000),
    )
    text = yaml.safe_dump(config.model_dump(mode="json"))
    assert Config.from_yaml(_file(tmp_path, text)) == config


def test_a_file_changes_only_what_it_names(tmp_path):
    config = Config.from_yaml(_file(tmp_path, "network:\n  filters: 19\n"))
    assert config.network == NetworkConfig(filters=19)
    assert config.loss == LossConfig()


def test_an_empty_file_is_all_defaults(tmp_path):
    assert Config.from_yaml(_file(tmp_path, "# nothing yet\n")) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network:\n  filter: 19\n", "network.filter is no setting; the nearest one is filters."),
        ("networks: {}\n", "networks is no setting; the nearest one is network."),
        ("loss: {wings: 2}\n", "loss.wings is no setting; expected one of delta_d, "),
        ("inference:\n  n_draws: 0\n", "inference.n_draws is 0; expected at least 1."),
        ("inference:\n  n_draws: 256\n", "inference.n_draws is 256; expected at most 255."),
        ("inference:\n  n_draws: many\n", "inference.n_draws is 'many'; expected a whole number."),
        ("inference:\n  flips: 7\n", "inference.flips is 7; expected true or false."),
        ("loss:\n  delta_d: .nan\n", "loss.delta_d is nan; expected a finite number."),
        ("loss:\n  delta_d:\n", "loss.delta_d is empty; expected a number."),
        ("augmentation: {scale: 1}\n", "augmentation.scale is 1; expected less than 1."),
        ("network: {channels: 3}\n", "network.channels is 3; expected a list"),
        ("network: {channels: [red]}\n", "channels.0 is 'red'; expected settings of its own"),
        ("network: {channels: [{gain: 1}]}\n", "channels.0.name is left out, and is needed."),
        ("network: {global_context: true}\n", "network: global_context needs class_decoder: true"),
        ("loss:\n  variance_weight: .nan\n", "loss.variance_weight"),
        ("inference:\n  bandwidth: .inf\n", "inference.bandwidth"),
        (
            "network:\n  dropout: gaussian\n",
            "network.dropout is 'gaussian'; expected 'concrete' or 'none'",
        ),
        ("network:\n  channels: []\n", "network.channels"),
        ("training:\n  seed: -1\n", "training.seed"),
        ("training:\n  seed: 18446744073709551616\n", "training.seed"),
        ("training:\n  crop: 100\n", "crop.*100.*16"),
        ("- network\n", "sections"),
        ("7\n", "sections"),
        ("network: [\n", "YAML file: line 2, column 1: "),
        ("network: 3\n", "network"),
        ("1: 2\n", "1"),
    ],
)
def test_refusals_are_one_line_with_file_and_setting(tmp_path, text, message):
    path = _file(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        Config.from_yaml(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml doesn't exist; check the path"):
        Config.from_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize("make", ["folder", "binary"])
def test_unreadable_files(tmp_path, make):
    path = tmp_path / "settings.yaml"
    if make == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="readable YAML"):
        Config.from_yaml(path)


def test_yaml_makes_no_objects(tmp_path):
    path = _file(tmp_path, "network: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(ConfigError):
        Config.from_yaml(path)


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(ValidationError):
        InferenceConfig().n_draws = 3


@pytest.mark.parametrize("crop", [64, 512])
def test_a_crop_of_whole_strides_is_accepted(crop):
    config = Config(network=NetworkConfig(levels=5), training=TrainingConfig(crop=crop))
    assert config.training.crop == crop


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_has_a_sentence_and_a_valid_default(section):
    for name, field in section.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name
        if isinstance(field.default, float):
            assert math.isfinite(field.default), name


def test_validated_names_the_place():
    with pytest.raises(ConfigError, match="the dock: n_draws is 900; expected at most 255."):
        validated(InferenceConfig, {"n_draws": 900}, "the dock")
    assert validated(InferenceConfig, {"n_draws": 9}, "the dock").n_draws == 9
