"""The entropy that is shown while the draws of an image are coming."""

from __future__ import annotations

import numpy as np

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.entropy import entropy_map
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.finding import is_result, shown_predictions
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Sharpened
from napari_probinst.widgets.prediction.layer_results import LayerResults

SHAPE = (12, 16)
SETTINGS = InferenceConfig(n_draws=4, min_size=1)


def draw(width):
    mask = np.zeros(SHAPE, bool)
    mask[2:8, 2 : 2 + width] = True
    return InstanceSet.from_masks([mask], SHAPE)


DRAWS = [draw(width) for width in (6, 8, 7, 6)]


def done():
    provenance = Provenance("", "m", "", "p")
    return Ended(0, "done", prediction=compose(DRAWS, SETTINGS, name="A", provenance=provenance))


def results(viewer, *images):
    return LayerResults(viewer, list(map(ChannelSource, images)), lambda _question: True)


def sharpen(shown, n_draws, index=0):
    seen = agglomerate(DRAWS[:n_draws])
    shown.sharpen(Sharpened(index, seen))
    return entropy_map(seen)


def test_one_layer_sharpens_and_becomes_part_of_the_result(viewer):
    image = viewer.add_image(np.zeros(SHAPE), name="A", scale=(2, 3))
    shown = results(viewer, image)
    expected = sharpen(shown, 2)
    _, layer = viewer.layers
    np.testing.assert_array_equal(layer.data, expected)
    np.testing.assert_array_equal(layer.scale, image.scale)
    assert is_result(layer)
    assert viewer.layers.selection.active is image
    assert not list(shown_predictions(viewer))
    expected = sharpen(shown, 3)
    assert list(viewer.layers) == [image, layer]
    np.testing.assert_array_equal(layer.data, expected)

    shown.end(done())
    (result,) = shown_predictions(viewer)
    assert result.entropy is layer
    assert layer.name == "A | entropy"
    np.testing.assert_array_equal(layer.data, entropy_map(result.prediction.instances))
    assert len(viewer.layers) == 5
    sharpen(shown, 2)
    np.testing.assert_array_equal(layer.data, entropy_map(result.prediction.instances))
    assert len(viewer.layers) == 5


def test_a_cancelled_image_keeps_its_layer_and_uses_it_again(viewer):
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    shown = results(viewer, image)
    sharpen(shown, 3)
    text = shown.end(Ended(0, "cancelled"))
    assert text == "Cancelled; the entropy of the first 3 draws is shown."
    _, layer = viewer.layers
    assert layer.name == "A | entropy of 3 draws"
    again = results(viewer, image)
    sharpen(again, 2)
    again.end(done())
    (result,) = shown_predictions(viewer)
    assert result.entropy is layer
    assert layer.name == "A | entropy"


def test_a_layer_that_the_user_removed_stays_away_until_the_result(viewer):
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    shown = results(viewer, image)
    sharpen(shown, 2)
    viewer.layers.pop()
    sharpen(shown, 3)
    assert list(viewer.layers) == [image]
    shown.end(done())
    assert len(viewer.layers) == 5
    assert results(viewer, image).end(Ended(0, "cancelled")) == ""
