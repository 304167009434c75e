"""Settings of a training that starts from a model: what they leave out is the model's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.core.config import Config, TrainingConfig
from napari_probinst.core.errors import ConfigError
from napari_probinst.core.section import validated

if TYPE_CHECKING:
    from napari_probinst.core.config import NetworkConfig
    from napari_probinst.core.network.header import ModelHeader

#: Learning rate at which the dropout rates of a trained model are held.
HELD_RATES = 1e-5


def continued(stated: dict[str, Any], start: ModelHeader, where: str, model: str) -> Config:
    """Settings for a training that starts from a model.

    What is stated counts. What is left out is the model's: its network, binning and prediction
    settings, and the loss, augmentation and crop that it was trained with, as far as its file
    tells. The dropout rates are held where the model learnt them. The rest of the training has
    its usual defaults.

    Parameters
    ----------
    stated : dict
        Sections of settings, unchecked.
    start : ModelHeader
        Of the model.
    where, model : str
        Names of what states the settings, and of the model's file, for messages.

    Raises
    ------
    ConfigError
        If a setting is unknown or impossible, or the network can't take over the weights.
    """
    values = validated(Config, _settings_of(start), model).model_dump()
    for name, section in stated.items():
        known = isinstance(section, dict) and name in values
        values[name] = values[name] | section if known else section
    training = stated.get("training")
    if isinstance(training, dict) and training.get("binning", start.binning) != start.binning:
        # A crop counts binned pixels: with another binning the model's shows another size.
        values["training"]["crop"] = training.get("crop", TrainingConfig().crop)
    config = validated(Config, values, where)
    if reason := misfit(config.network, start.network):
        raise ConfigError(
            f"{where}: {reason} in {model}, whose weights can't be taken over then; leave the "
            "setting out, and it is the model's."
        )
    return config


def misfit(network: NetworkConfig, start: NetworkConfig) -> str:
    """Say which setting keeps a network from taking over another's weights.

    A class decoder and a global context may be added, coordinates that were read may be added to
    the embeddings instead, and dropout may come and go: see `load_weights_of`.

    Returns
    -------
    str
        Such as "network.filters is 8, but 16"; empty if the weights fit.
    """
    if network.n_channels != start.n_channels:
        return f"network.channels has {network.n_channels}, but {start.n_channels}"
    for name in ("filters", "levels", "embedding_dimensions"):
        own, theirs = getattr(network, name), getattr(start, name)
        if own != theirs:
            return f"network.{name} is {own}, but {theirs}"
    coordinates = (start.coordinates, network.coordinates)
    if network.coordinates != start.coordinates and coordinates != ("input", "output"):
        return f"network.coordinates is {network.coordinates}, but {start.coordinates}"
    for name in ("class_decoder", "global_context"):
        if getattr(start, name) and not getattr(network, name):
            return f"network.{name} is false, but true"
    return ""


def _settings_of(start: ModelHeader) -> dict[str, Any]:
    """What a model's file tells of the settings that made it, as sections."""
    record = start.training.get("config")
    recorded = record if isinstance(record, dict) else {}
    training = {"binning": start.binning, "rate_learning_rate": HELD_RATES}
    crop = recorded.get("training", {}).get("crop")
    return {
        **{name: recorded[name] for name in ("loss", "augmentation") if name in recorded},
        "network": start.network.model_dump(),
        "inference": start.inference.model_dump(),
        "training": training if crop is None else {**training, "crop": crop},
    }
