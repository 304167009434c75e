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

SEED = 20


@pytest.fixture(scope="module")
def model():
    return load_model(default_model())


def _with_extent(model, extent):
    return replace(model, header=model.header.model_copy(update={"extent": extent}))


def _draw(model, image):
    predictor = Predictor(model, Runtime("cpu", bfloat16=False))
    settings = model.header.inference.model_copy(update={"n_draws": 1})
    (draw,) = predictor.draws(image, settings)
    return draw


def _best(instance, others):
    return max(others.instances, key=instance.iou)


def _cut(instance, seam, axis, shape):
    """Pixels along which an instance ends at a seam: rows, or columns, before and from it."""
    page = np.moveaxis(instance.crop((0, 0, *shape)), axis, 0)
    return np.count_nonzero(page[seam - 1] != page[seam])


@pytest.mark.parametrize(
    ("shape", "extent"),
    [((704, 704), (352, 352)), ((528, 1056), (400, 528)), ((768, 768), (400, 400))],
)
def test_tiled_and_whole_predictions_match(model, shape, extent):
    """Images of two to four times an extent."""
    tiled_model, whole_model = _with_extent(model, extent), _with_extent(model, shape)
    tiles = layout_of(shape, extent, model.network.stride)
    assert len(tiles) >= 4
    seams = {(0, tile.core[0]) for tile in tiles} | {(1, tile.core[1]) for tile in tiles}
    image = synthetic_image(SEED, shape).channels
    whole, tiled = _draw(whole_model, image), _draw(tiled_model, image)
    pairs = [(one, tiled) for one in whole.instances] + [(one, whole) for one in tiled.instances]
    ious = [one.iou(_best(one, others)) for one, others in pairs]
    for one in tiled.instances:
        for axis, seam in seams - {(0, 0), (1, 0)}:
            # Half of a worm's width more than where nothing was cut.
            assert _cut(one, seam, axis, shape) <= _cut(_best(one, whole), seam, axis, shape) + 5
    assert np.mean(np.array(ious) >= 0.95) >= 0.98
    assert len(ious) > 20
