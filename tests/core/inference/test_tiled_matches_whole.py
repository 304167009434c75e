"""The bundled model sees the same worms in tiles as in the whole image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.segmentation import layout_of
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.device import Runtime
from napari_probinst.models import default_model

#: Within what the model was trained for, so that the whole image is no worse an oracle.
WHOLE = (704, 704)
#: Two tiles' cores a side, and no tile sees more than a quarter of the image.
EXTENT = (352, 352)
SEEDS = range(20, 23)


@pytest.fixture(scope="module")
def model():
    return load_model(default_model())


def _in_tiles(model):
    return replace(model, header=model.header.model_copy(update={"extent": EXTENT}))


def _draw(model, image):
    predictor = Predictor(model, Runtime("cpu", bfloat16=False))
    settings = model.header.inference.model_copy(update={"n_draws": 1})
    (draw,) = predictor.draws(image, settings)
    return draw


def _best(instance, others):
    return max(others.instances, key=instance.iou)


def _cut(instance, seam, axis):
    """Pixels along which an instance ends at a seam: rows, or columns, before and from it."""
    page = np.moveaxis(instance.crop((0, 0, *WHOLE)), axis, 0)
    return np.count_nonzero(page[seam - 1] != page[seam])


def test_tiled_and_whole_predictions_match(model):
    ious = []
    for seed in SEEDS:
        image = synthetic_image(seed, WHOLE).channels
        whole, tiled = _draw(model, image), _draw(_in_tiles(model), image)
        pairs = [(one, tiled) for one in whole.instances] + [
            (one, whole) for one in tiled.instances
        ]
        ious += [one.iou(_best(one, others)) for one, others in pairs]
        tiles = layout_of(WHOLE, EXTENT, model.network.stride)
        assert len(tiles) > 4
        seams = {(0, tile.core[0]) for tile in tiles} | {(1, tile.core[1]) for tile in tiles}
        for one in tiled.instances:
            for axis, seam in seams - {(0, 0), (1, 0)}:
                # Half of a worm's width more than where nothing was cut.
                assert _cut(one, seam, axis) <= _cut(_best(one, whole), seam, axis) + 5
    assert np.mean(np.array(ious) >= 0.95) >= 0.98
    assert len(ious) > 50
