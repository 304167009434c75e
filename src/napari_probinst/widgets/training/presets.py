"""Ready-made settings of a training, and how they fit the model that it starts from.

The values are those of the files in ``configs/`` of the repository, which an installation lacks;
a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.config import (
    AugmentationConfig,
    Config,
    InferenceConfig,
    LossConfig,
    NetworkConfig,
    TrainingConfig,
)
from napari_probinst.core.network.start import HELD_RATES
from napari_probinst.core.section import validated

if TYPE_CHECKING:
    from napari_probinst.core.network.header import ModelHeader


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings under a name.

    Parameters
    ----------
    title : str
        As it is listed.
    description : str
        What it is for, in a sentence.
    config : Config
        The settings, for a training that starts from nothing.
    from_model : bool
        Whether such a training usually starts from a model.
    """

    title: str
    description: str
    config: Config
    from_model: bool = True


PRESETS = (
    Preset(
        "fast",
        "A working model in minutes: images are binned 2 x 2. From a model that sees them at full "
        "size it takes three times as long.",
        Config(
            network=NetworkConfig(filters=16, levels=5, embedding_dimensions=16),
            loss=LossConfig(rate_regulariser=1e-3, n_examples=1000),
            augmentation=AugmentationConfig(focus=0.7, pasted=0.3),
            training=TrainingConfig(
                binning=2,
                crop=192,
                max_steps=6000,
                learning_rate=1e-3,
                rate_learning_rate=1e-3,
                warmup_steps=100,
                final_learning_rate=0.02,
                validate_every=1000,
                validation_images=2,
                checkpoint_minutes=2,
            ),
            inference=InferenceConfig(bandwidth=2.25, cluster_threshold=5.0),
        ),
    ),
    Preset(
        "standard",
        "Images at full size, as the bundled model's last stage: an hour or more.",
        Config(
            network=NetworkConfig(
                filters=16, levels=5, embedding_dimensions=16, coordinates="output"
            ),
            loss=LossConfig(
                rate_regulariser=1e-3, n_examples=1000, class_weight=10, overlap_weight=10
            ),
            augmentation=AugmentationConfig(focus=0.6),
            training=TrainingConfig(
                crop=400,
                max_steps=15_000,
                learning_rate=1e-3,
                rate_learning_rate=1e-3,
                final_learning_rate=0.01,
            ),
            inference=InferenceConfig(bandwidth=2.25, cluster_threshold=5.0),
        ),
    ),
    Preset(
        "paper",
        "The published setting in full: 19 filters and 800,000 steps, days on a GPU.",
        Config(
            network=NetworkConfig(
                filters=19,
                levels=5,
                embedding_dimensions=16,
                coordinates="none",
                dropout="concrete",
            ),
            loss=LossConfig(
                delta_d=4.0,
                distance_norm="plain",
                variance_weight=1.0,
                distance_weight=1.0,
                regulariser_weight=0.001,
                class_weight=1.0,
                overlap_weight=1.0,
                length_scale_squared=1e-6,
                rate_regulariser=1e-3,
                n_examples=50,
            ),
            augmentation=AugmentationConfig(focus=0.0, channel_dropout=0.0),
            training=TrainingConfig(
                max_steps=800_000, crop=512, binning=1, batch_size=1, gradient_clip=5.0
            ),
            inference=InferenceConfig(n_draws=8, probability_threshold=0.75),
        ),
        from_model=False,
    ),
)


def fitted(config: Config, start: ModelHeader | None) -> Config:
    """Settings for a training that starts from a model.

    The network, its binning and the settings of its predictions are the model's. A crop shows as
    much of an image as before, and the dropout rates are held where the model learnt them.

    Parameters
    ----------
    config : Config
        For a training that starts from nothing.
    start : ModelHeader or None
        Of the model; None starts from nothing, and changes nothing.

    Raises
    ------
    ConfigError
        If the settings contradict each other.
    """
    if start is None:
        return config
    training = config.training
    stride = 2 ** (start.network.levels - 1)
    crop = -(-training.crop * training.binning // (start.binning * stride)) * stride
    changed = {"binning": start.binning, "crop": crop, "rate_learning_rate": HELD_RATES}
    return validated(
        Config,
        {
            **config.model_dump(),
            "network": start.network.model_dump(),
            "inference": start.inference.model_dump(),
            "training": {**training.model_dump(), **changed},
        },
        "The settings",
    )
