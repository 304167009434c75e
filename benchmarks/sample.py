"""The sample and the bundled model, made once a process.

asv sets a benchmark up anew before each call that it times. What calls leave unchanged is kept.
"""

from __future__ import annotations

from functools import cache

from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.models import default_model
from napari_probinst.sample_data import sample_image

N_DRAWS = 8


@cache
def predictor():
    return Predictor.create(load_model(default_model()))


@cache
def normalised():
    """Channels of the sample as the network sees them, 520 x 696 pixels."""
    return normalise(sample_image().channels, predictor().model.header.network.channels)


def realisations(runtime=None):
    """The bundled model's eight draws."""
    chosen = predictor()
    return [
        realise(chosen.model.network, seed=0, draw=draw, runtime=runtime or chosen.runtime)
        for draw in range(N_DRAWS)
    ]


@cache
def pixels():
    """What the eight draws say of the sample's pixels."""
    return [realisation.apply(normalised()) for realisation in realisations()]
