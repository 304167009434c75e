"""A curator who never stops: what is done next follows from what was done before."""

from __future__ import annotations

import numpy as np

from napari_probinst.core.curation.edits import (
    Add,
    Delete,
    Grow,
    Merge,
    Repaint,
    SplitAlongLine,
    SplitIntoParts,
)
from napari_probinst.core.curation.kept_session import KeptSession
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.instances import Instance

KINDS = (
    *("merge", "line", "parts", "delete", "add", "repaint", "grow", "undo", "undo", "redo"),
    *("accepted", "skipped", "flagged", "withdrawn", "visit"),
)


def step(session):
    """Do one thing that takes effect; the number of the records so far chooses it."""
    before = len(session.records)
    generator = np.random.default_rng(before)
    while len(session.records) == before:
        try:
            _attempt(session, generator)
        except EditRefusedError:
            continue


def _attempt(session, generator):
    kind = generator.choice(KINDS)
    peak = int(generator.integers(len(session.peaks)))
    if kind in ("undo", "redo"):
        getattr(session, kind)()
    elif kind == "visit":
        session.position = peak
    elif kind in ("accepted", "skipped", "flagged", "withdrawn"):
        session.decide(peak, None if kind == "withdrawn" else str(kind))
    else:
        ids = sorted(session.instances) or [1]
        one, other = (int(each) for each in generator.choice(ids, 2))
        y, x = (int(each) for each in generator.integers(0, session.shape))
        height, width = session.shape
        blob = Instance.from_mask(generator.random((min(9, height - y), min(9, width - x))) < 0.7)
        blob = Instance.from_mask(blob.mask, (y, x))
        edits = {
            "merge": Merge((one, other)),
            "line": SplitAlongLine(one, ((-5, x), (height + 5, x))),
            "parts": SplitIntoParts(one, 2),
            "delete": Delete((one,)),
            "add": Add(blob),
            "repaint": Repaint(one, blob),
            "grow": Grow(one, 1),
        }
        session.apply(edits[kind])


def take_up(prediction, place, tell):
    """Go on with the session of a place, or begin one, as the dock does."""
    path = place.find(prediction, tell)
    return KeptSession(prediction if path is None else open_session(path), place, tell)


def curate(prediction, place, told):
    """Work for ever; send 0 at the start, and how many records are on the disk after each step."""
    told.send(0)
    kept = take_up(prediction, place, tell=lambda _: None)
    while True:
        if kept.path is not None:
            told.send(len(kept.session.records))
        step(kept.session)
