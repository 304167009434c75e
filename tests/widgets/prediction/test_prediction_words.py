"""What the Predict dock says of a result, and of a layer that it doesn't take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from napari.layers import Image

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.curation.folder_review import FolderReview
from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.jitter import count_jitter
from napari_probinst.core.instances import Peak
from napari_probinst.widgets.prediction.channels import ChannelSource
from napari_probinst.widgets.prediction.events import Progress
from napari_probinst.widgets.prediction.time_left import TimeLeft
from napari_probinst.widgets.prediction.words import found
from napari_probinst.widgets.proofreading.queue_table import QueueTable


def test_nothing_is_put_down_to_the_scale_unless_the_image_tells_why():
    title = InferenceConfig.model_fields["scale"].title
    assert found(0, 0, 0).endswith(f"set {title}.")
    assert found(0, 0, 0, "It is flat.") == "Nothing was found. It is flat."


def test_a_refused_rgb_picture_is_told_what_can_be_done():
    layer = Image(np.zeros((8, 8, 3), np.uint8), rgb=True, name="photo")
    with pytest.raises(InputError, match=r"Split RGB .* or make it grey: .* takes its luminance"):
        ChannelSource(layer).check()


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((30, 102, 93), "30 instances; 9 places worth a look, and 93 where only outlines waver."),
        ((1, 1, 0), "1 instance; 1 place worth a look."),
        ((2, 0, 0), "2 instances; 0 places worth a look."),
        ((1, 2, 0, "It is wide."), "1 instance; 2 places worth a look. It is wide."),
    ],
)
def test_what_was_found(counts, text):
    assert found(*counts) == text


def test_jitter_is_what_proofread_hides_at_first(qtbot, make_prediction):
    kinds = [("merge", 0.1), ("contour", 0.1), ("contour", 1000.0), ("contour", 0.2)]
    peaks = tuple(
        Peak(0, 0, (0,), 0.5, mass, rank, kind, "2 of 4 draws")
        for rank, (kind, mass) in enumerate(kinds, 1)
    )
    session = CurationSession(replace(make_prediction(), peaks=peaks))
    review = FolderReview.of([ImageReview.of(session)])
    table = QueueTable()
    qtbot.addWidget(table)
    table.show_review(review, None)
    n_listed = int(review.passing(table.peak_filter).sum())
    assert len(peaks) - count_jitter(peaks, review.images[0].patch) == n_listed == 2


def test_time_left_is_told_from_the_draws_that_were_timed():
    now = 0.0
    left = TimeLeft(lambda: now)
    # A folder's image is first heard of when a tile is done.
    left.note(Progress(0, draws=0, n_draws=8, tiles=1))
    assert left.seconds() is None
    now = 3.0
    left.note(Progress(0, draws=1, n_draws=8, tiles=1))
    assert left.seconds() == pytest.approx(6 * 3)
    assert left.seconds(n_waiting=1) == pytest.approx(14 * 3)
    now = 6.0
    left.end_image()
    # One image's draws tell of the next; a layer's image is heard of before its first draw.
    left.note(Progress(1, draws=0, n_draws=8))
    assert left.seconds() == pytest.approx(8 * 6)
