"""Images, and a network, that a processor trains in a second."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import (
    ChannelConfig,
    Config,
    InferenceConfig,
    NetworkConfig,
    TrainingConfig,
)
from napari_probinst.core.data.io import Image
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.training.sources import LabelledImage, TrainingData

SHAPE = (40, 56)


def crossing(name: str, seed: int) -> LabelledImage:
    """Two bars that cross, brighter than the noise."""
    lying, standing = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    lying[14:20, 6:48] = True
    standing[4:36, 24:30] = True
    pixels = np.random.default_rng(seed).integers(90, 110, (1, *SHAPE))
    pixels[0][lying | standing] += 100
    return LabelledImage(
        Image(name, pixels.astype(np.uint16), ("c",)),
        InstanceSet.from_masks([lying, standing], SHAPE),
    )


@pytest.fixture
def labelled():
    """Return the function that makes a labelled image from a name and a seed."""
    return crossing


@pytest.fixture
def data() -> TrainingData:
    return TrainingData((crossing("a", 0), crossing("b", 1)), (crossing("c", 2),))


@pytest.fixture
def config() -> Config:
    """Settings of a tiny network; no worker processes, six steps."""
    return Config(
        network=NetworkConfig(
            channels=(ChannelConfig(name="c"),), filters=4, levels=2, embedding_dimensions=4
        ),
        training=TrainingConfig(
            max_steps=6,
            crop=32,
            warmup_steps=2,
            validate_every=2,
            validation_images=1,
            workers=0,
        ),
        inference=InferenceConfig(min_size=0, n_seeds=16, n_draws=2),
    )
