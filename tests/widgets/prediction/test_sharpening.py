"""The entropy that is shown while the draws of an image are coming."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from napari.components import ViewerModel
from qtpy.QtWidgets import QPushButton

from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.entropy import entropy_map
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.checkpoint import model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.finding import is_result, shown_predictions
from napari_probinst.widgets.prediction import kept_tiles, layer_queue
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Sharpened
from napari_probinst.widgets.prediction.layer_results import LayerResults
from napari_probinst.widgets.result_layers import entropy_data

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
    shown.sharpen(Sharpened(index, seen, entropy_data(seen)))
    return entropy_map(seen)


def test_one_layer_sharpens_and_becomes_part_of_the_result():
    viewer = ViewerModel()
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


def test_a_cancelled_image_keeps_its_layer_and_uses_it_again():
    viewer = ViewerModel()
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


def test_a_layer_that_the_user_removed_stays_away_until_the_result():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    shown = results(viewer, image)
    sharpen(shown, 2)
    viewer.layers.pop()
    sharpen(shown, 3)
    assert list(viewer.layers) == [image]
    shown.end(done())
    assert len(viewer.layers) == 5
    assert results(viewer, image).end(Ended(0, "cancelled")) == ""


def test_an_earlier_result_sharpens_and_comes_back_unless_the_new_one_is_there():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    results(viewer, image).end(done())
    (earlier,) = shown_predictions(viewer)
    before = earlier.entropy.data.copy()
    layers = list(viewer.layers)
    earlier.entropy.opacity = 0.4

    shown = results(viewer, image)
    expected = sharpen(shown, 2)
    np.testing.assert_array_equal(earlier.entropy.data, expected)
    assert not np.array_equal(expected, before)
    assert shown.end(Ended(0, "cancelled")) == "Cancelled; the earlier result is shown."
    np.testing.assert_array_equal(earlier.entropy.data, before)

    sharpen(shown, 3)
    shown.close()  # the queue failed, or its dock was closed
    np.testing.assert_array_equal(earlier.entropy.data, before)
    assert (list(viewer.layers), list(shown_predictions(viewer))) == (layers, [earlier])

    shown = results(viewer, image)
    sharpen(shown, 3)
    shown.end(done())
    (result,) = shown_predictions(viewer)
    assert result is not earlier
    assert result.entropy is earlier.entropy
    assert result.entropy.opacity == 0.4
    np.testing.assert_array_equal(
        result.entropy.data, entropy_map(result.prediction.instances), "of all draws"
    )
    assert len(viewer.layers) == 5


def test_the_earlier_entropy_comes_back_where_corrections_are_kept():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    results(viewer, image).end(done())
    (earlier,) = shown_predictions(viewer)
    before = earlier.entropy.data.copy()
    shown = LayerResults(viewer, [ChannelSource(image)], lambda _question: False)
    sharpen(shown, 2)
    earlier.session.apply(Delete((min(earlier.session.instances),)))
    assert "the corrections are kept" in shown.end(done())
    assert list(shown_predictions(viewer)) == [earlier]
    np.testing.assert_array_equal(earlier.entropy.data, before)


def test_planes_of_a_stack_sharpen_where_they_are_in_view():
    viewer = ViewerModel()
    film = viewer.add_image(np.zeros((3, *SHAPE)), name="film")
    planes = [ChannelSource(film, plane=(plane,)) for plane in range(3)]
    shown = LayerResults(viewer, planes, lambda _question: True)
    viewer.dims.set_current_step(0, 1)
    sharpen(shown, 2, index=0)
    sharpen(shown, 3, index=1)
    first, second = viewer.layers[1:]
    assert [layer.name for layer in (first, second)] == ["film [0] | entropy", "film [1] | entropy"]
    assert (first.visible, second.visible) == (False, True)
    viewer.dims.set_current_step(0, 0)
    assert (first.visible, second.visible) == (True, False)

    # What is handed over in the dark is seen when its plane comes into view.
    shown.end(replace(done(), index=1))
    shown.end(Ended(0, "cancelled"))
    viewer.dims.set_current_step(0, 1)
    (result,) = shown_predictions(viewer)
    assert result.entropy is second
    assert (first.visible, second.visible) == (False, True)
    assert first.name == "film [0] | entropy of 2 draws"

    again = LayerResults(viewer, planes, lambda _question: True)
    sharpen(again, 3, index=0)
    assert first.name == "film [0] | entropy of 2 draws"
    again.end(replace(done(), index=0))
    assert {each.entropy for each in shown_predictions(viewer)} == {first, second}
    assert (first.visible, second.visible) == (False, True)
    viewer.dims.set_current_step(0, 0)
    assert (first.visible, second.visible) == (True, False)


def test_images_in_tiles_sharpen_after_each_draw(viewer, dock, tmp_path, monkeypatch, qtbot):
    network = NetworkConfig(filters=4, levels=3)
    header = ModelHeader(
        name="tiny",
        network=network,
        extent=(64, 64),
        inference=InferenceConfig(n_draws=4, min_size=4, n_seeds=16),
    )
    path = tmp_path / "tiled.safetensors"
    path.write_bytes(model_bytes(UNet(network), header))
    dock.add_model(path)
    monkeypatch.setattr(kept_tiles, "cache_folder", lambda: tmp_path / "tiles")
    monkeypatch.setattr(layer_queue, "_PAUSE", 0)
    monkeypatch.setattr(layer_queue, "_MOST_TIME", 1)
    seen = []
    sharpen = LayerResults.sharpen
    monkeypatch.setattr(
        LayerResults,
        "sharpen",
        lambda self, event: (seen.append(event.instances.n_draws), sharpen(self, event)),
    )
    viewer.add_image(np.random.default_rng(0).integers(0, 4000, (80, 100), dtype=np.uint16))
    dock.findChild(QPushButton, "run").click()
    qtbot.waitUntil(lambda: not dock.running, timeout=60_000)
    assert seen == [2, 3]
    assert len(list(shown_predictions(viewer))) == 1
