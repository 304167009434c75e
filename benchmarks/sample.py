"""A usual well and the bundled model, made once a process.

In the demo's sample worms lie across one another on purpose: most draws hold an instance that is
looked at again with smaller bandwidths, which takes a third longer.

asv sets a benchmark up anew before each call that it times. What calls leave unchanged is kept.
"""

from __future__ import annotations

from functools import cache

from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.inference.draws import PixelPrediction, realise
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.models import default_model

N_DRAWS = 8


@cache
def predictor():
    return Predictor.create(load_model(default_model()))


@cache
def channels():
    """Both channels, 520 x 696 pixels, 12 worms."""
    return synthetic_image(1).channels


@cache
def normalised():
    """The channels as the network sees them."""
    return normalise(channels(), predictor().model.header.network.channels)


def realisations(runtime=None):
    """The bundled model's eight draws."""
    chosen = predictor()
    return [
        realise(chosen.model.network, seed=0, draw=draw, runtime=runtime or chosen.runtime)
        for draw in range(N_DRAWS)
    ]


@cache
def pixels():
    """What the eight draws say of its pixels, all of which are embedded."""
    seen = [realisation.apply(normalised()) for realisation in realisations()]
    return [PixelPrediction(Embeddings(each.embeddings), each.classes) for each in seen]
