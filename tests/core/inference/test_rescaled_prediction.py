"""Predictions of images whose objects are larger than the model knows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import ndimage

from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.resampling import resampled, restored
from napari_probinst.core.inference.scale import misfit
from napari_probinst.core.inference.segmentation import segment_image, segment_tiles
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.normalisation import NormalisedPixels
from napari_probinst.models import default_model
from napari_probinst.sample_data import sample_image

if TYPE_CHECKING:
    from napari_probinst.core.config import InferenceConfig


@pytest.fixture(scope="module")
def predictor():
    return Predictor.create(load_model(default_model()), "cpu")


@pytest.fixture(scope="module")
def image():
    return sample_image().channels[:, 150:370, 200:500]


@pytest.fixture(scope="module")
def enlarged(image):
    pages = [
        ndimage.zoom(page.astype(np.float32), 2, order=1, mode="nearest", grid_mode=True)
        for page in image
    ]
    return np.stack(pages)


@pytest.fixture(scope="module")
def original(predictor, image, enlarged):
    """What the image's own prediction says of the enlarged one."""
    found = predictor.predict(image, at(predictor)).binary()
    assert len(found) > 1
    return restored(found, enlarged.shape[1:])


@pytest.fixture(scope="module")
def halved(predictor, enlarged):
    return predictor.predict(enlarged, at(predictor, 0.5))


def at(predictor, scale=1.0) -> InferenceConfig:
    own = predictor.model.header.inference
    return own.model_copy(update={"scale": scale, "n_draws": 1})


def fits(expected, found):
    """Mean over the expected instances of the IoU with the closest one that was found."""
    return np.mean(
        [
            max((one.iou(other) for other in found.instances), default=0)
            for one in expected.instances
        ]
    )


def test_worms_of_twice_the_size_are_found_at_half_the_scale(predictor, enlarged, original, halved):
    plain = predictor.predict(enlarged, at(predictor))
    assert halved.shape == plain.shape == enlarged.shape[1:]
    assert halved.settings.scale == 0.5
    assert fits(original, halved.binary()) > 0.93
    assert fits(original, plain.binary()) < 0.7
    width = predictor.model.header.object_width
    assert misfit(halved, width) is None


def test_tiles_find_what_the_whole_does_and_go_on_where_they_were(
    predictor, enlarged, original, tmp_path
):
    header = predictor.model.header.model_copy(update={"extent": (128, 176)})
    tiled = replace(predictor, model=replace(predictor.model, header=header))
    settings, told = at(predictor, 0.5), []
    cut = tiled.predict(
        enlarged,
        settings,
        on_tile=lambda *done: told.append(done),
        cache_folder=tmp_path / "tiles",
    )
    assert told[-1][0] == told[-1][1] > 1
    assert fits(original, cut.binary()) > 0.93
    told.clear()
    again = tiled.predict(
        enlarged,
        settings,
        on_tile=lambda *done: told.append(done),
        cache_folder=tmp_path / "tiles",
    )
    assert not told
    pairs = zip(again.binary().instances, cut.binary().instances, strict=True)
    assert all(one.same_pixels(other) for one, other in pairs)


def test_tiles_are_those_of_an_image_that_was_resampled_before(predictor, enlarged):
    """Windows are made from the whole image's pixels: a seam between them shows nowhere."""
    network, settings = predictor.model.network, at(predictor, 0.5)
    realisation = realise(network, seed=0, draw=0, runtime=predictor.runtime)
    windows = NormalisedPixels.measure(enlarged, network.config.channels)
    before = resampled(windows, 0.5)[:, :, :]
    found = segment_image(windows, realisation, settings, (128, 176))
    expected = restored(
        segment_image(before, realisation, at(predictor), (128, 176)), enlarged.shape[1:]
    )
    assert len(found) > 1
    pairs = zip(found.instances, expected.instances, strict=True)
    assert all(one.same_pixels(other) for one, other in pairs)


def test_the_two_halves_are_the_whole(predictor, enlarged, halved):
    settings = at(predictor, 0.5)
    (seen,) = predictor.foregrounds(enlarged, settings)
    (draw,) = halved.instances.draws
    found = segment_tiles(seen, enlarged.shape[1:], settings)
    pairs = zip(found.instances, draw.instances, strict=True)
    assert all(one.same_pixels(other) for one, other in pairs)
