"""A session that the first version wrote: it opens, replays and exports the same for ever.

``version_1/C04.probinst`` holds every kind of edit and decision, undone and made again. It was
written once, and is never to be written again: where a test here fails, the program is wrong.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_probinst.core.curation.corrected import save_corrected
from napari_probinst.core.curation.corrected_file import load_corrected
from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.journal import read_journal
from napari_probinst.core.curation.manifest import JOURNAL
from napari_probinst.core.curation.replay import replay
from napari_probinst.core.curation.session_folder import open_session

DATA = Path(__file__).with_name("version_1")
KINDS = {
    *("merge", "split along line", "split by seeds", "split into parts", "delete", "add"),
    *("repaint", "fill holes", "grow", "shrink", "give overlap", "adopt draw"),
    *("decision", "undo", "redo", "visit"),
}


@pytest.fixture(scope="module")
def expected():
    return json.loads((DATA / "expected.json").read_text())


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(DATA / "C04.probinst", tmp_path / "C04.probinst")


def masks_of(expected):
    return [
        np.array([[pixel == "#" for pixel in row] for row in rows])
        for rows in expected["instances"].values()
    ]


def pictures(session):
    return {
        str(identifier): [
            "".join(".#"[pixel] for pixel in row)
            for row in session.instances[identifier].full(session.shape).astype(int)
        ]
        for identifier in sorted(session.instances)
    }


def test_opens_where_it_was_left(folder, expected):
    content = {path.name: path.read_bytes() for path in folder.iterdir()}
    with open_session(folder, read_only=True) as opened:
        session = opened.session
        assert opened.warning is None
        assert pictures(session) == expected["instances"]
        assert session.position == expected["position"]
        statuses = [session.status(peak) for peak in range(len(session.peaks))]
        assert statuses == expected["statuses"]
        events = [record.event for record in session.records]
        assert {getattr(event, "edit", event.kind) for event in events} == KINDS
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == content


def test_everything_can_be_undone(folder):
    with open_session(folder) as opened:
        while opened.session.undo():
            pass
        predicted = opened.session.prediction.binary().instances
        current = opened.session.current().instances
        pairs = zip(current, predicted, strict=True)
        assert all(one.same_pixels(other) for one, other in pairs)


def test_exports_the_same_masks(folder, expected, tmp_path):
    with open_session(folder, read_only=True) as opened:
        save_corrected(opened.session, tmp_path)
        again = replay(opened.session.prediction, read_journal(folder / JOURNAL))
        assert pictures(again) == expected["instances"]
    masks = masks_of(expected)
    stack = tifffile.imread(tmp_path / "C04.corrected.instances.tif")
    assert np.array_equal(stack > 0, masks)
    corrected = load_corrected(tmp_path / "C04.corrected.npz")
    shape = masks[0].shape
    assert np.array_equal([each.full(shape) for each in corrected.instances], masks)
    labels = np.zeros(shape, int)
    for identifier, mask in reversed(list(zip(expected["instances"], masks, strict=True))):
        labels[mask] = int(identifier)
    assert np.array_equal(tifffile.imread(tmp_path / "C04.corrected.labels.tif"), labels)


def test_goes_on_with_numbered_lines(folder, expected):
    with open_session(folder) as opened:
        n_before = len(opened.session.records)
        opened.session.apply(Delete((1,)))
    lines = (folder / JOURNAL).read_text().splitlines()
    assert "n" not in json.loads(lines[-2])
    assert json.loads(lines[-1])["n"] == n_before + 1
    with open_session(folder) as again:
        assert set(again.session.instances) == {*map(int, expected["instances"])} - {1}
