"""The instances and the entropy that are shown while the draws of an image are coming."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QPushButton

from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.entropy import entropy_map
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.checkpoint import model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.finding import is_result, shown_predictions
from napari_probinst.widgets.label_view import label_page
from napari_probinst.widgets.pages import LARGEST_WHOLE
from napari_probinst.widgets.prediction import kept_tiles, layer_queue
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Progress, Sharpened
from napari_probinst.widgets.prediction.glimpse import Glimpse
from napari_probinst.widgets.prediction.layer_results import LayerResults

SHAPE = (12, 16)
SETTINGS = InferenceConfig(n_draws=4, min_size=1)


def draw(width):
    mask = np.zeros(SHAPE, bool)
    mask[2:8, 2 : 2 + width] = True
    return InstanceSet.from_masks([mask], SHAPE)


DRAWS = [draw(width) for width in (7, 8, 6, 6)]


def done():
    provenance = Provenance("", "m", "", "p")
    return Ended(0, "done", prediction=compose(DRAWS, SETTINGS, name="A", provenance=provenance))


def results(viewer, *images):
    return LayerResults(
        viewer, [(ChannelSource(image),) for image in images], lambda _question: True
    )


def sharpen(shown, n_draws, index=0):
    """Show what the first draws say; return their entropy and labels."""
    seen = Glimpse.of(DRAWS[:n_draws], SETTINGS)
    shown.sharpen(Sharpened(index, seen))
    return entropy_map(agglomerate(DRAWS[:n_draws])), seen.labels.copy()


def test_two_layers_sharpen_and_become_part_of_the_result():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A", scale=(2, 3))
    shown = results(viewer, image)
    _, labels = sharpen(shown, 1)
    _, entropy, instances = viewer.layers
    assert not entropy.data.any(), "one draw agrees with itself"
    np.testing.assert_array_equal(instances.data, labels)
    assert [layer.name for layer in (entropy, instances)] == ["A | entropy", "A | instances"]
    assert instances.visible
    np.testing.assert_array_equal(instances.scale, image.scale)
    assert is_result(entropy)
    assert is_result(instances)
    assert viewer.layers.selection.active is image
    assert not list(shown_predictions(viewer))
    expected, _ = sharpen(shown, 3)
    assert list(viewer.layers) == [image, entropy, instances]
    np.testing.assert_array_equal(entropy.data, expected)
    assert not instances.editable

    shown.end(done())
    (result,) = shown_predictions(viewer)
    assert (result.entropy, result.instances) == (entropy, instances)
    np.testing.assert_array_equal(entropy.data, entropy_map(result.prediction.instances))
    np.testing.assert_array_equal(
        instances.data, label_page(result.session, (0, 0, *SHAPE)), "of all draws"
    )
    assert not instances.editable
    assert [layer.name for layer in viewer.layers] == [
        "A",
        "A | probability",
        "A | entropy",
        "A | instances",
        "A | peaks",
    ]


def test_a_cancelled_image_keeps_its_layers_and_uses_them_again():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    shown = results(viewer, image)
    sharpen(shown, 3)
    text = shown.end(Ended(0, "cancelled"))
    assert text == "Cancelled; what the first 3 draws say is shown."
    _, entropy, instances = viewer.layers
    assert entropy.name == "A | entropy of 3 draws"
    assert instances.name == "A | instances of 3 draws"
    again = results(viewer, image)
    sharpen(again, 2)
    again.end(done())
    (result,) = shown_predictions(viewer)
    assert (result.entropy, result.instances) == (entropy, instances)
    assert instances.name == "A | instances"
    assert len(viewer.layers) == 5


def test_what_is_left_after_one_draw_says_so():
    viewer = ViewerModel()
    shown = results(viewer, viewer.add_image(np.zeros(SHAPE), name="A"))
    sharpen(shown, 1)
    assert shown.end(Ended(0, "cancelled")) == "Cancelled; what the first draw says is shown."
    assert viewer.layers[-1].name == "A | instances of 1 draw"


def test_the_pixels_of_the_draws_so_far_are_read_and_saved():
    viewer = ViewerModel()
    shown = results(viewer, viewer.add_image(np.zeros(SHAPE), name="A"))
    sharpen(shown, 2)
    status = viewer.layers[-1].get_status((3, 3), world=True)
    assert status["value"] == "1: 1.00 (2 of 2 draws)"
    saved, _, _ = viewer.layers[-1].as_layer_data_tuple()
    np.testing.assert_array_equal(np.asarray(saved) > 0, DRAWS[0].cover() > 0)


@pytest.mark.parametrize("removed", [0, 1])
def test_a_layer_that_the_user_removed_stays_away_until_the_result(removed):
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    shown = results(viewer, image)
    sharpen(shown, 2)
    viewer.layers.pop(1 + removed)
    (kept,) = viewer.layers[1:]
    sharpen(shown, 3)
    assert list(viewer.layers) == [image, kept]
    shown.end(done())
    assert len(viewer.layers) == 5
    assert kept in viewer.layers
    assert results(viewer, image).end(Ended(0, "cancelled")) == ""


def test_an_earlier_result_sharpens_and_comes_back_unless_the_new_one_is_there():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    results(viewer, image).end(done())
    (earlier,) = shown_predictions(viewer)
    before = earlier.entropy.data.copy(), earlier.instances.data.copy()
    layers = list(viewer.layers)
    earlier.entropy.opacity = earlier.instances.opacity = 0.4

    shown = results(viewer, image)
    entropy, labels = sharpen(shown, 2)
    np.testing.assert_array_equal(earlier.entropy.data, entropy)
    np.testing.assert_array_equal(earlier.instances.data, labels)
    assert not np.array_equal(entropy, before[0])
    assert not np.array_equal(labels, before[1])
    assert shown.end(Ended(0, "cancelled")) == "Cancelled; the earlier result is shown."
    np.testing.assert_array_equal(earlier.entropy.data, before[0])
    np.testing.assert_array_equal(earlier.instances.data, before[1])

    sharpen(shown, 2)
    shown.close()  # the queue failed, or its dock was closed
    np.testing.assert_array_equal(earlier.instances.data, before[1])
    assert (list(viewer.layers), list(shown_predictions(viewer))) == (layers, [earlier])

    shown = results(viewer, image)
    sharpen(shown, 3)
    shown.end(done())
    (result,) = shown_predictions(viewer)
    assert result is not earlier
    assert (result.entropy, result.instances) == (earlier.entropy, earlier.instances)
    assert (result.entropy.opacity, result.instances.opacity) == (0.4, 0.4)
    np.testing.assert_array_equal(
        result.entropy.data, entropy_map(result.prediction.instances), "of all draws"
    )
    assert len(viewer.layers) == 5


def test_the_earlier_result_comes_back_where_corrections_are_kept():
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    results(viewer, image).end(done())
    (earlier,) = shown_predictions(viewer)
    before = earlier.entropy.data.copy()
    shown = LayerResults(viewer, [(ChannelSource(image),)], lambda _question: False)
    sharpen(shown, 2)
    earlier.session.apply(Delete((min(earlier.session.instances),)))
    assert "the corrections are kept" in shown.end(done())
    assert list(shown_predictions(viewer)) == [earlier]
    np.testing.assert_array_equal(earlier.entropy.data, before)
    assert not earlier.instances.data.any()


def test_instances_that_are_proofread_stay_in_view(tmp_path):
    viewer = ViewerModel()
    image = viewer.add_image(np.zeros(SHAPE), name="A")
    results(viewer, image).end(done())
    (earlier,) = shown_predictions(viewer)
    before = earlier.instances.data.copy()
    shown = results(viewer, image)
    _, labels = sharpen(shown, 2)
    np.testing.assert_array_equal(earlier.instances.data, labels)

    # Opened in Proofread, which adds layers of its own.
    earlier.kept = KeptSession(earlier.prediction, SessionPlace("A", (tmp_path,), tmp_path), print)
    viewer.add_shapes(name="place")
    np.testing.assert_array_equal(earlier.instances.data, before)
    entropy, _ = sharpen(shown, 3)
    np.testing.assert_array_equal(earlier.instances.data, before)
    np.testing.assert_array_equal(earlier.entropy.data, entropy)
    shown.end(done())
    (result,) = shown_predictions(viewer)
    assert result.instances is not earlier.instances
    assert earlier.instances not in viewer.layers


def test_instances_keep_their_colours_whatever_their_numbers():
    def worms(*tops):
        masks = [np.zeros((40, 20), bool) for _ in tops]
        for mask, top in zip(masks, tops, strict=True):
            mask[top : top + 4, 2:12] = True
        return InstanceSet.from_masks(masks, (40, 20))

    def colours(seen):
        return {
            instance.bbox[0]: tuple(seen.colours.map(identifier))
            for identifier, instance in seen.session.instances.items()
        }

    draws = [worms(0, 10, 20), worms(30, 20, 10, 0)]
    first = Glimpse.of(draws[:1], SETTINGS)
    second = Glimpse.of(draws, SETTINGS, first)
    assert colours(first).items() <= colours(second).items()
    assert second.instances.instances[0].bbox[0] == 30, "numbered anew"

    viewer = ViewerModel()
    shown = results(viewer, viewer.add_image(np.zeros((40, 20)), name="A"))
    shown.sharpen(Sharpened(0, second))
    draws.append(worms(10, 0, 20, 30, 36))
    shown.end(Ended(0, "done", prediction=compose(draws, SETTINGS)))
    (result,) = shown_predictions(viewer)
    final = replace(second, session=result.session, colours=result.instances.colormap)
    assert colours(second).items() <= colours(final).items()


def test_pages_with_levels_sharpen_and_become_part_of_the_result():
    shape = (20, LARGEST_WHOLE + 8)
    mask = np.zeros(shape, bool)
    mask[2:8, -60:-4] = True
    draws = [InstanceSet.from_masks([mask], shape)] * 2
    viewer = ViewerModel()
    shown = results(viewer, viewer.add_image(np.zeros(shape), name="A"))
    shown.sharpen(Sharpened(0, Glimpse.of(draws[:1], SETTINGS)))
    shown.sharpen(Sharpened(0, Glimpse.of(draws, SETTINGS)))
    layer = viewer.layers[-1]
    assert layer.multiscale
    np.testing.assert_array_equal(np.asarray(layer.data[0]), mask)
    shown.end(Ended(0, "done", prediction=compose(draws, SETTINGS)))
    (result,) = shown_predictions(viewer)
    assert result.instances is layer
    np.testing.assert_array_equal(np.asarray(layer.data[0]), mask)


def test_the_status_tells_how_many_instances_there_are_so_far():
    assert Progress(0, 4, 8).words == "draw 5 of 8"
    assert Progress(0, 4, 8, found=31).words == "draw 5 of 8; 31 instances so far"
    assert Progress(0, 4, 8, 1, 9, 1).words == "draw 5 of 8, tile 2 of 9; 1 instance so far"
    assert Progress(0, 8, 8, found=31).words == "putting the draws together"


def test_planes_of_a_stack_sharpen_where_they_are_in_view():
    viewer = ViewerModel()
    film = viewer.add_image(np.zeros((3, *SHAPE)), name="film")
    planes = [(ChannelSource(film, plane=(plane,)),) for plane in range(3)]
    shown = LayerResults(viewer, planes, lambda _question: True)
    viewer.dims.set_current_step(0, 1)
    sharpen(shown, 2, index=0)
    sharpen(shown, 3, index=1)
    first, outlines, second, _ = viewer.layers[1:]
    assert [layer.name for layer in viewer.layers[1:]] == [
        "film [0] | entropy",
        "film [0] | instances",
        "film [1] | entropy",
        "film [1] | instances",
    ]
    assert (first.visible, outlines.visible, second.visible) == (False, False, True)
    viewer.dims.set_current_step(0, 0)
    assert (first.visible, outlines.visible, second.visible) == (True, True, False)

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
    assert (first.visible, outlines.visible, second.visible) == (True, True, False)


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
        lambda self, event: (seen.append(event.seen.n_draws), sharpen(self, event)),
    )
    viewer.add_image(np.random.default_rng(0).integers(0, 4000, (80, 100), dtype=np.uint16))
    dock.findChild(QPushButton, "run").click()
    qtbot.waitUntil(lambda: not dock.running, timeout=60_000)
    assert seen == [1, 2, 3]
    assert len(list(shown_predictions(viewer))) == 1
