"""Proofreading 10,000 instances on more than 8k x 8k pixels: edits, the queue, and the disk.

The instances are synthetic worms in eight draws; no image and no network take part. Every edit,
undo and visit is synced to the disk before it returns, as it is in the plugin.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from itertools import cycle
from pathlib import Path

from napari_probinst.core.curation import geometry
from napari_probinst.core.curation.edits import Delete, Merge, Repaint, SplitAlongLine
from napari_probinst.core.curation.session_folder import begin_session, create_session, open_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import EditRefusedError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.prediction import Prediction

from .jittered import jittered_draws
from .run_length import by_length

N_INSTANCES = 10_000
#: Steps in the journal of the session that is opened.
N_STEPS = 400


def _merge(session, identifier):
    """The instance and another one near it."""
    y0, x0, y1, x1 = session.instances[identifier].bbox
    near = session.instances_within((y0 - 90, x0 - 90, y1 + 90, x1 + 90))
    return Merge((identifier, next(other for other in near if other != identifier)))


def _split(session, identifier):
    """A cut across the middle of the longer side."""
    y0, x0, y1, x1 = session.instances[identifier].bbox
    y, x = (y0 + y1) / 2, (x0 + x1) / 2
    steep = y1 - y0 > x1 - x0
    line = ((y, x0 - 3), (y, x1 + 3)) if steep else ((y0 - 3, x), (y1 + 3, x))
    return SplitAlongLine(identifier, line)


def _delete(_session, identifier):
    return Delete((identifier,))


def _repaint(session, identifier):
    return Repaint(identifier, geometry.grown(session.instances[identifier], 2, session.shape))


EDITS = {"merge": _merge, "split": _split, "delete": _delete, "repaint": _repaint}


class _Disk:
    """One prediction and one session for all benchmarks of a class, made once."""

    timeout = 900
    repeat = by_length(20, 50)
    rounds = 1
    number = 1
    warmup_time = 0.01

    def setup_cache(self):
        folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
        instances = agglomerate(jittered_draws(N_INSTANCES))
        prediction = Prediction("worms", instances, rank_peaks(instances))
        save_prediction(prediction, folder / "worms.prediction.npz")
        with create_session(prediction, folder / "worms.probinst") as opened:
            session = opened.session
            for identifier in sorted(session.instances)[:: len(instances) // N_STEPS]:
                _tried(session, _split(session, identifier))
        return folder

    setup_cache.timeout = 900


def _tried(session, edit):
    try:
        session.apply(edit)
    except EditRefusedError:
        return False
    return True


@cache
def _opened(folder, name):
    """A copy of the session, opened, that lasts as long as the benchmark's process."""
    copied = folder / f"{name}.probinst"
    shutil.copytree(folder / "worms.probinst", copied, dirs_exist_ok=True)
    return open_session(copied)


@cache
def _tour(folder, name):
    """Identifiers all over the image, round and round."""
    return cycle(sorted(_opened(folder, name).session.instances)[7::13])


class _Edited(_Disk):
    params = tuple(EDITS)
    param_names = ("edit",)

    def setup(self, folder, edit):
        self.session = _opened(folder, edit).session
        self.places = _tour(folder, edit)

    def _edit(self, edit):
        while not _tried(self.session, EDITS[edit](self.session, next(self.places))):
            pass


class Editing(_Edited):
    """One edit in the whole session."""

    def time_edit(self, _folder, edit):
        self._edit(edit)


class Undoing(_Edited):
    """Taking it back."""

    def setup(self, folder, edit):
        super().setup(folder, edit)
        self._edit(edit)

    def time_undo(self, _folder, _edit):
        self.session.undo()


class Reviewing(_Disk):
    """Going on, deciding, and counting."""

    def setup(self, folder):
        self.session = _opened(folder, "reviewed").session

    def time_next_peak(self, _folder):
        following = self.session.queue.next_open(self.session.position)
        self.session.position = 0 if following is None else following
        self.session.statistics()

    def time_accept_and_undo(self, _folder):
        self.session.decide(self.session.position, "accepted")
        self.session.undo()


class Opening(_Disk):
    """A session with hundreds of edits, from the disk to the peak where it was left."""

    repeat = by_length(2, 5)

    def time_opening(self, folder):
        open_session(folder / "worms.probinst", read_only=True)

    def peakmem_opening(self, folder):
        open_session(folder / "worms.probinst", read_only=True)


@cache
def _read(folder):
    return open_session(folder / "worms.probinst", read_only=True).session


class Beginning(_Disk):
    """The first correction of a prediction: everything goes to the disk."""

    repeat = by_length(2, 5)

    def setup(self, folder):
        self.place = folder / "begun.probinst"
        self.session = _read(folder)

    def teardown(self, _folder):
        shutil.rmtree(self.place, ignore_errors=True)

    def time_beginning(self, _folder):
        begin_session(self.session, self.session.records, self.place).close()
