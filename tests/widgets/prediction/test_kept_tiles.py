"""A large image that was cancelled goes on where it was."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtWidgets import QLabel, QPushButton

from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.errors import CancelledError, OutputError
from napari_probinst.core.inference import segmentation, tile_cache
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.tiling import tile_layout
from napari_probinst.core.network.checkpoint import load_model, model_bytes
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.prediction import kept_tiles
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Ended, Noted
from napari_probinst.widgets.prediction.layer_queue import LayerImage, LayerQueue

SHAPE, EXTENT, STRIDE = (130, 150), (64, 64), 4
#: Of a draw; there are two.
N_TILES = len(tile_layout(SHAPE, EXTENT, stride=STRIDE))


@pytest.fixture
def model(tmp_path):
    network = NetworkConfig(filters=4, levels=3)
    inference = InferenceConfig(n_draws=2, min_size=4, n_seeds=16)
    header = ModelHeader(name="tiny", network=network, inference=inference, extent=EXTENT)
    path = tmp_path / "tiled.safetensors"
    path.write_bytes(model_bytes(UNet(network), header))
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache" / "tiles"
    monkeypatch.setattr(kept_tiles, "cache_folder", lambda: folder)
    return folder


class Tiles:
    """Counts the tiles that are computed; from one on, they wait."""

    def __init__(self, monkeypatch, hold_at):
        self.n = 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        self._hold_at = hold_at
        self._segment = segmentation.segment_tile
        monkeypatch.setattr(segmentation, "segment_tile", self)

    def __call__(self, *arguments, **options):
        with self._lock:
            self.n += 1
            is_held = self.n >= self._hold_at
        if is_held:
            self.go_on.wait(60)
        return self._segment(*arguments, **options)


def click(dock, name):
    dock.findChild(QPushButton, name).click()


def status(dock):
    return dock.findChild(QLabel, "status").text()


def test_what_a_cancelled_slide_has_is_not_computed_again(  # noqa: PLR0917  (fixtures)
    viewer, dock, model, folder, qtbot, monkeypatch
):
    pixels = np.random.default_rng(0).integers(0, 4000, SHAPE, dtype=np.uint16)
    viewer.add_image(pixels, name="slide")
    tiles = Tiles(monkeypatch, hold_at=N_TILES + 4)
    click(dock, "run")
    qtbot.waitUntil(lambda: tiles.n >= N_TILES + 4, timeout=60_000)
    click(dock, "cancel")
    tiles.go_on.set()
    qtbot.waitUntil(lambda: not dock.running, timeout=60_000)
    assert status(dock) == "Cancelled; what is finished is kept: Run goes on there."
    (kept,) = folder.iterdir()
    n_kept = N_TILES + len(list(kept.glob("*/*.npz")))

    again = Tiles(monkeypatch, hold_at=1000)
    click(dock, "run")
    qtbot.waitUntil(lambda: not dock.running, timeout=60_000)
    assert again.n == 2 * N_TILES - n_kept
    assert list(folder.iterdir()) == []
    (shown,) = shown_predictions(viewer)
    predictor = Predictor.create(load_model(model), "cpu")
    channels = np.stack([pixels, np.zeros_like(pixels)])
    whole = predictor.predict(channels, present=(True, False))
    assert shown.prediction.provenance.image_checksum == whole.provenance.image_checksum
    for one, other in zip(
        shown.prediction.instances.instances, whole.instances.instances, strict=True
    ):
        assert one.bbox == other.bbox
        assert np.array_equal(one.counts, other.counts)


def test_few_images_are_kept_and_none_where_nothing_can_be_written(model, folder, monkeypatch):
    monkeypatch.setattr(kept_tiles, "MOST_IMAGES", 2)
    predictor = Predictor.create(load_model(model), "cpu")
    settings, notes = predictor.model.header.inference, []
    for name in "abc":
        assert kept_tiles.kept_tiles(predictor, name * 64, settings, None, notes.append)
    assert sorted(path.name[0] for path in folder.iterdir()) == ["b", "c"]
    assert notes == []
    monkeypatch.setattr(kept_tiles, "cache_folder", lambda: model / "tiles")
    assert kept_tiles.kept_tiles(predictor, "d" * 64, settings, None, notes.append) is None
    (note,) = notes
    assert note.startswith("If it is cancelled, what is finished will not be kept: ")


class Listener:
    """Keeps what it is told; cancels when so many tiles are done."""

    def __init__(self, cancel_at=1000):
        self.events = []
        self._cancel_at = cancel_at

    def tell(self, event):
        self.events.append(event)

    def is_cancelled(self, _index):
        return False

    def check(self, _index):
        self._cancel_at -= 1
        if self._cancel_at < 0:
            raise CancelledError("cancelled")

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def full_disk(folder, monkeypatch):
    """A cache that can be begun, but neither written nor removed."""
    del folder

    def refuse(*_):
        raise OutputError("The disk is full.")

    def refuse_to_remove(cache):
        if cache._folder.exists():
            raise OutputError("A file is open.")

    monkeypatch.setattr(tile_cache, "_save", refuse)
    monkeypatch.setattr(tile_cache.TileCache, "remove", refuse_to_remove)


def slide_queue(model):
    pixels = np.random.default_rng(0).integers(0, 4000, SHAPE, dtype=np.uint16)
    slide = LayerImage("slide", (ChannelSource(Image(pixels, name="slide")), None))
    return LayerQueue(model, "cpu", load_model(model).header.inference, (slide,))


@pytest.mark.usefixtures("full_disk")
def test_a_fault_of_the_cache_costs_no_prediction(model):
    listener = Listener()
    slide_queue(model).run(listener)
    (ended,) = listener.of(Ended)
    assert ended.ending == "done"
    assert [note.text for note in listener.of(Noted)] == [
        "If it is cancelled, what is finished will not be kept: The disk is full.",
        "What was kept in case it is cancelled can't be removed: A file is open.",
    ]


@pytest.mark.usefixtures("full_disk")
def test_what_could_not_be_kept_is_not_said_to_be(model):
    listener = Listener(cancel_at=4)
    slide_queue(model).run(listener)
    (ended,) = listener.of(Ended)
    assert (ended.ending, ended.text) == ("cancelled", "")
