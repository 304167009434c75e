"""The dock's process is killed at any moment: whatever it had shown as saved is there again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

from napari_probinst.core.curation.records import Visit
from napari_probinst.core.curation.session_folder import open_session

N_KILLS = 5
#: At every line that it reads, a process that has imported all makes a copy of itself and waits
#: for its end. The copy merges two instances and takes that back, again and again; each time that
#: the dock says that everything is on disk, it tells the kind of what it has just done.
_CURATOR = """
import os
import sys
import napari
import napari.window
from qtpy.QtWidgets import QApplication, QLabel
sys.path.insert(0, sys.argv[1])
from conftest import _make_prediction, _put
from napari_probinst.widgets.proofreading.dock import ProofreadWidget

for line in sys.stdin:
    if os.fork() == 0:
        break
    os.wait()
    print("killed", flush=True)
else:
    sys.exit()
viewer = napari.Viewer(show=False)
_put(viewer, _make_prediction())
dock = ProofreadWidget(viewer)
print("open", dock.shown.session.can_undo, os.getpid(), flush=True)
while True:
    merged = dock.shown.session.can_undo
    if merged:
        dock.queue.retrace.undo()
    else:
        ids = sorted(dock.shown.session.instances)[:2]
        dock._bench.select(ids, by_hand=True)
        dock.edits.merge()
    QApplication.processEvents()
    if dock.findChild(QLabel, "saved").text().startswith("Every correction is on disk"):
        print("undo" if merged else "edit", flush=True)
"""


@pytest.fixture
def curator():
    process = subprocess.Popen(
        [sys.executable, "-c", _CURATOR, str(Path(__file__).parents[1])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
        env=os.environ,
        start_new_session=True,
    )
    with process:
        yield process
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.timeout(400)
def test_killed_at_any_moment_it_takes_up_what_it_had_shown_as_saved(sessions, curator):
    done = []
    for pause in np.random.default_rng(7).uniform(0.0, 1.0, N_KILLS):
        curator.stdin.write("again\n")
        told = (line.split() for line in curator.stdout)
        opened = next(words for words in told if words[:1] == ["open"])
        # It opened in the state that was left.
        assert opened[1] == str(bool(done) and done[-1] == "edit")
        time.sleep(pause)
        os.kill(int(opened[2]), signal.SIGKILL)
        until_killed = takewhile(lambda words: words != ["killed"], told)
        shown = [words[0] for words in until_killed if words and words[0] in ("edit", "undo")]
        assert len(list(sessions.glob("*.probinst"))) <= 1
        path = sessions / "well.probinst"
        if not path.exists():
            assert shown == []
            continue
        with open_session(path, read_only=True) as again:
            events = [record.event for record in again.session.records]
        kinds = [event.kind for event in events if not isinstance(event, Visit)]
        assert kinds[: len(done) + len(shown)] == [*done, *shown]
        assert len(kinds) <= len(done) + len(shown) + 1
        done = kinds
    assert len(done) > N_KILLS
