"""Queues of layers and of a folder without a window: results, refusals, cancelling, resuming."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Image

from napari_probinst.core.batch import predicting
from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.data.image_folders import recorded_image_folders
from napari_probinst.core.data.io import find_images
from napari_probinst.core.data.prediction_file import load_prediction
from napari_probinst.core.errors import CancelledError, InputError, OutputError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.widgets.prediction import layer_queue as looks
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Noted, Progress, Sharpened
from napari_probinst.widgets.prediction.folder_queue import FolderQueue
from napari_probinst.widgets.prediction.layer_queue import LayerImage, LayerQueue

SHAPE = (16, 24)
SETTINGS = InferenceConfig(n_draws=3, min_size=4, n_seeds=8)


class Listener:
    """Keeps what it is told, and cancels an image at a stated progress, or from the start."""

    def __init__(self, cancel_at=None, cancelled=()):
        self.events = []
        self._cancel_at = cancel_at
        self.cancelled = set(cancelled)

    def tell(self, event):
        self.events.append(event)
        if isinstance(event, Progress) and (event.index, event.draws) == self._cancel_at:
            self.cancelled.add(event.index)

    def is_cancelled(self, index):
        return index in self.cancelled

    def check(self, index):
        if self.is_cancelled(index):
            raise CancelledError("cancelled")

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def endings(self):
        return {event.index: event.ending for event in self.of(Ended)}


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 4000, SHAPE, dtype=np.uint16)


def layer_queue(model, *pages):
    images = [
        LayerImage(f"image {i}", (ChannelSource(Image(page, name=f"image {i}")), None))
        for i, page in enumerate(pages)
    ]
    return LayerQueue(model, "cpu", SETTINGS, tuple(images))


def same(first, second):
    """Whether two predictions hold the same, pixel by pixel, draws included."""
    pairs = zip(first.instances.instances, second.instances.instances, strict=True)
    assert all(
        a.bbox == b.bbox and (a.counts == b.counts).all() and a.matches == b.matches
        for a, b in pairs
    )
    for a, b in zip(first.instances.draws, second.instances.draws, strict=True):
        assert all(x.same_pixels(y) for x, y in zip(a.instances, b.instances, strict=True))
    assert first.peaks == second.peaks
    assert first.provenance == second.provenance
    return True


def test_results_are_those_of_the_pipeline(model):
    listener = Listener()
    layer_queue(model, noise()).run(listener)
    (ended,) = listener.of(Ended)
    channels = np.stack([noise(), np.zeros_like(noise())])
    predictor = Predictor.create(load_model(model), "cpu")
    alone = predictor.predict(channels, SETTINGS, name="image 0", present=(True, False))
    assert len(alone.instances) > 0
    assert same(ended.prediction, alone)


def test_what_the_first_draws_agree_on_is_told_before_the_result(model, monkeypatch):
    monkeypatch.setattr(looks, "_PAUSE", 0)
    monkeypatch.setattr(looks, "_MOST_TIME", 1)
    listener = Listener()
    layer_queue(model, noise()).run(listener)
    first, second = (event.seen for event in listener.of(Sharpened))
    channels = np.stack([noise(), np.zeros_like(noise())])
    predictor = Predictor.create(load_model(model), "cpu")
    draws = list(predictor.draws(channels, SETTINGS, (True, False)))
    assert (first.n_draws, second.n_draws) == (1, 2)
    expected = agglomerate(draws[:2])
    pairs = zip(second.instances.instances, expected.instances, strict=True)
    assert all(a.bbox == b.bbox and (a.counts == b.counts).all() for a, b in pairs)
    kinds = [type(event) for event in listener.events]
    assert kinds.index(Sharpened) < kinds.index(Ended)
    told = [event.found for event in listener.of(Progress)]
    assert told[0] is None
    assert told[-1] == second.n_found


def test_one_layer_is_refused_and_one_cancelled_while_the_others_go_on(model):
    listener = Listener(cancel_at=(2, 1))
    broken = np.full(SHAPE, np.nan)
    layer_queue(model, noise(0), broken, noise(2), noise(3)).run(listener)
    assert listener.endings == {0: "done", 1: "refused", 2: "cancelled", 3: "done"}
    assert "'image 1' holds NaN" in listener.of(Ended)[1].text
    assert max(event.draws for event in listener.of(Progress) if event.index == 2) == 1


def test_a_lazy_layer_whose_file_is_gone_is_refused_while_the_others_go_on(model):
    gone = []

    def read(block):
        if gone:
            raise FileNotFoundError("a.tif is gone")
        return block

    lazy = da.from_array(noise()).map_blocks(read, dtype=np.uint16)
    queue, listener = layer_queue(model, lazy, noise(1)), Listener()
    gone.append(True)
    queue.run(listener)
    assert listener.endings == {0: "refused", 1: "done"}
    assert listener.of(Ended)[0].text == "'image 0' can't be read: a.tif is gone"


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "images"
    made.mkdir()
    for name in "abcd":
        tifffile.imwrite(made / f"{name}.tif", noise(ord(name)))
    (made / "b.tif").write_bytes(b"no image")
    return made


def test_a_folder_is_predicted_around_bad_and_cancelled_images_and_taken_up_again(
    model, folder, tmp_path
):
    sources = tuple(find_images(folder, load_model(model).header.network.channels))
    queue = FolderQueue(model, "cpu", SETTINGS, sources, tmp_path / "results")
    assert queue.names == ("a", "b", "c", "d")
    first = Listener(cancel_at=(2, 1))
    queue.run(first)
    assert first.endings == {0: "done", 1: "refused", 2: "cancelled", 3: "done"}
    # A table without the image that was cancelled would pass for that of all.
    assert not (queue.output / "predictions.json").exists()

    second = Listener()
    queue.run(second)
    endings = {0: "finished before", 1: "refused", 2: "done", 3: "finished before"}
    assert second.endings == endings
    assert (queue.output / "predictions.json").exists()
    assert (queue.output / "images.csv").exists()
    channels = np.stack([noise(ord("c")), np.zeros_like(noise())])
    predictor = Predictor.create(load_model(model), "cpu")
    alone = predictor.predict(channels, SETTINGS, name="c", present=(True, False))
    assert same(load_prediction(queue.output / "c.prediction.npz"), alone)


def test_the_table_of_a_folder_keeps_what_was_predicted_before(model, folder, tmp_path):
    (folder / "b.tif").unlink()
    sources = tuple(find_images(folder, load_model(model).header.network.channels))
    for some in (sources[:2], sources[2:]):
        FolderQueue(model, "cpu", SETTINGS, some, tmp_path / "results").run(Listener())
    _, *rows = (tmp_path / "results" / "images.csv").read_text().splitlines()
    assert {row.split(",")[0] for row in rows} == {"a", "c", "d"}


def test_a_folder_does_not_replace_the_results_of_other_images_of_the_same_names(
    model, folder, tmp_path
):
    channels = load_model(model).header.network.channels
    other, results = tmp_path / "other", tmp_path / "results"
    other.mkdir()
    tifffile.imwrite(other / "a.tif", noise(7))
    theirs = tuple(find_images(folder, channels))[:1]
    FolderQueue(model, "cpu", SETTINGS, theirs, results).run(Listener())
    assert recorded_image_folders(results) == (folder.resolve(),)
    before = (results / "a.prediction.npz").read_bytes()
    queue = FolderQueue(model, "cpu", SETTINGS, tuple(find_images(other, channels)), results)
    with pytest.raises(InputError, match="have the same name"):
        queue.run(Listener())
    assert (results / "a.prediction.npz").read_bytes() == before


def test_tiles_that_cannot_be_removed_are_noted_and_the_folder_goes_on(
    model, folder, tmp_path, monkeypatch
):
    def refuse(_folder):
        raise OutputError("A file is open.")

    monkeypatch.setattr(predicting, "remove_cache", refuse)
    (folder / "b.tif").unlink()
    sources = tuple(find_images(folder, load_model(model).header.network.channels))
    listener = Listener()
    FolderQueue(model, "cpu", SETTINGS, sources, tmp_path / "results").run(listener)
    assert listener.endings == dict.fromkeys(range(3), "done")
    assert {note.text for note in listener.of(Noted)} == {
        "What was kept in case it is stopped can't be removed: A file is open."
    }


def test_images_that_were_cancelled_before_their_turn_are_not_begun(model, folder, tmp_path):
    (folder / "b.tif").unlink()
    sources = tuple(find_images(folder, load_model(model).header.network.channels))
    listener = Listener(cancelled=(1, 2))
    FolderQueue(model, "cpu", SETTINGS, sources, tmp_path / "results").run(listener)
    assert listener.endings == {0: "done", 1: "cancelled", 2: "cancelled"}
    assert {event.index for event in listener.of(Progress)} == {0}
