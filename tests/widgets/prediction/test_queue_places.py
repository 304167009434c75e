"""Images of a queue that lie on one another: each has its results, and is seen in its turn."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.session_place import SessionPlace
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.canvas import grid
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Sharpened
from napari_probinst.widgets.prediction.glimpse import Glimpse
from napari_probinst.widgets.prediction.layer_results import LayerResults

SHAPE = (12, 16)
SETTINGS = InferenceConfig(n_draws=2, min_size=1)


@pytest.fixture
def viewer():
    """Two images of one size, each with a second channel, and one elsewhere."""
    made = ViewerModel()
    for name in ("A", "A glow", "B", "B glow"):
        made.add_image(np.zeros(SHAPE), name=name)
    made.add_image(np.zeros(SHAPE), name="C", translate=(50, 0))
    return made


@pytest.fixture
def queue(viewer):
    names = (("A", "A glow"), ("B", "B glow"), ("C",))
    images = [[ChannelSource(viewer.layers[each]) for each in image] for image in names]
    return LayerResults(viewer, images, lambda _question: True)


def draws():
    masks = np.zeros((2, *SHAPE), bool)
    masks[0, 2:8, 2:8] = masks[1, 2:8, 2:14] = True
    return [InstanceSet.from_masks([mask], SHAPE) for mask in masks]


def sharpen(queue, index):
    queue.sharpen(Sharpened(index, Glimpse.of(draws()[:1], SETTINGS)))


def end(queue, index):
    queue.end(Ended(index, "done", prediction=compose(draws(), SETTINGS, name="ABC"[index])))


def seen(viewer):
    return [layer.name for layer in viewer.layers if layer.visible]


def test_the_image_in_work_and_its_draws_are_seen_until_all_lie_with_their_images(viewer, queue):
    viewer.layers["B glow"].visible = False
    a = ["A", "A glow", "A | entropy", "A | instances"]
    sharpen(queue, 0)
    assert seen(viewer) == [*a, "C"]
    end(queue, 0)
    assert seen(viewer) == [*a, "A | peaks", "C"]
    sharpen(queue, 1)
    assert seen(viewer) == [*a, "A | peaks", "B", "C", "B | entropy", "B | instances"]
    end(queue, 1)
    sharpen(queue, 2)
    end(queue, 2)
    queue.close()
    names = [layer.name[0] for layer in viewer.layers]
    assert names == [*"AAAAAA", "B", "B", "C", *"BBBB", *"CCCC"], "C lies elsewhere"
    assert not viewer.layers["B glow"].visible, "the user hid it"


def test_an_image_that_ends_before_its_draws_were_seen_is_seen_all_the_same(viewer, queue):
    sharpen(queue, 0)
    end(queue, 0)
    end(queue, 1)
    assert {"B", "B | instances"} <= set(seen(viewer))


def test_an_earlier_result_that_lies_over_the_image_in_work_comes_back(viewer, queue):
    end(queue, 1)
    results = [layer.name for layer in viewer.layers[4:] if layer.visible]
    queue.close()
    images = [[ChannelSource(viewer.layers[each])] for each in "AB"]
    again = LayerResults(viewer, images, lambda _question: True)
    sharpen(again, 0)
    assert not any(name.startswith("B |") for name in seen(viewer))
    again.close()
    assert set(results) <= set(seen(viewer))


def test_what_is_proofread_and_what_lies_in_the_grid_stays(viewer, queue, tmp_path):
    end(queue, 1)
    sharpen(queue, 0)
    assert "B" not in seen(viewer)
    (shown,) = shown_predictions(viewer)
    shown.kept = KeptSession(shown.prediction, SessionPlace("B", (tmp_path,), tmp_path), print)
    viewer.add_shapes(name="place")
    assert {"B", "B | instances"} <= set(seen(viewer))

    shown.kept = None
    grid(viewer).enabled = True
    queue.end(Ended(0, "cancelled"))
    sharpen(queue, 0)
    assert "B" in seen(viewer)
