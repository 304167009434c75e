"""Proofread very many instances in a window of napari, and tell how long each step took.

    python benchmarks/review_window.py 10000

The image is a lazy array with levels, of which nothing but what is seen is made. Times are
medians, in seconds: ``step`` until the program has done its part, ``step, painted`` until the
window has drawn it. Without a graphics card the drawing is the processor's.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

N_STEPS = 15


class Stopwatch:
    """Times steps, each with the painting that follows."""

    def __init__(self, settle, *, paints):
        self._settle = settle
        self._paints = paints
        self.seconds: dict[str, list[float]] = {}

    def time(self, name, step):
        """Do a step, and count it unless it was refused (False)."""
        self._settle()
        began = time.perf_counter()
        result = step()
        done = time.perf_counter()
        self._settle()
        painted = time.perf_counter()
        if result is not False:
            self.seconds.setdefault(name, []).append(done - began)
            if self._paints:
                self.seconds.setdefault(f"{name}, painted", []).append(painted - began)
        return result

    def medians(self):
        return {name: statistics.median(all_) for name, all_ in self.seconds.items()}


def with_a_line(dock, shown, identifier, watch):
    """Split an instance as a curator does: key, line, button let go."""
    from benchmarks.bench_curation import EDITS

    edit = EDITS["split"](shown.session, identifier)
    watch.time("line on", dock.edits.named["split"])
    place = dock._desk.place
    place.bench.select((identifier,), by_hand=True)
    for point in edit.line:
        place.tools.tool.dragged(shown.instances.data_to_world(point))
    watch.time("line", lambda: place.tools.release_mouse(None, clicked=False))
    dock.edits.leave()


def with_the_brush(dock, viewer, identifier, watch):
    """Repaint an instance with napari's brush, and finish that."""
    dock._desk.bench.select((identifier,), by_hand=True)
    watch.time("brush on", dock.edits.repaint)
    layer = viewer.layers.selection.active
    middle = tuple(size // 2 for size in layer.data.shape)
    layer.paint(middle, 1)
    watch.time("brush", dock.edits.confirm)
    dock.edits.leave()
    dock.edits.leave()


def review(dock, viewer, watch):
    """Go through places, edit and undo."""
    from benchmarks.bench_curation import EDITS

    shown, bench = dock.shown, dock._desk.bench
    session = shown.session
    dock.queue.next()
    for _ in range(N_STEPS):
        watch.time("next", dock.queue.next)
    ids = sorted(session.instances)
    watch.time("begin", lambda: bench.apply(EDITS["split"](session, ids[3])))
    for number, identifier in enumerate(ids[7 : 7 + 40 * N_STEPS : 40]):
        # The place where it is edited is the one that is seen.
        dock.queue.next()
        seen = (bench.peak_ids() or [identifier])[0]
        edit = EDITS[("split", "merge", "delete")[number % 3]](session, seen)
        if watch.time("edit", lambda edit=edit: bench.apply(edit)):
            watch.time("undo", dock.queue.retrace.undo)
    for identifier in ids[9 : 9 + 40 * N_STEPS : 40]:
        dock.queue.next()
        seen = (bench.peak_ids() or [identifier])[0]
        with_a_line(dock, shown, seen, watch)
        with_the_brush(dock, viewer, seen, watch)


def main():
    n_instances = int(sys.argv[1])
    import dask.array as da
    import napari
    import numpy as np
    from qtpy.QtWidgets import QApplication

    from benchmarks.jittered import jittered_draws
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.inference.agglomeration import agglomerate
    from napari_probinst.core.inference.ranking import rank_peaks
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.layers import show_prediction
    from napari_probinst.widgets.proofreading.session_place import SESSIONS_VARIABLE

    instances = agglomerate(jittered_draws(n_instances))
    prediction = Prediction("worms", instances, rank_peaks(instances))

    def settle():
        for _ in range(3):
            QApplication.processEvents()

    viewer = napari.Viewer(show=False)
    # Without OpenGL the canvas can't be shown, and nothing is painted.
    paints = QApplication.platformName() != "offscreen"
    if paints:
        viewer.window.show()
    watch = Stopwatch(settle, paints=paints)
    viewer.window.resize(1280, 720)
    height, width = prediction.shape
    steps = [2**power for power in range(7) if 2**power * 256 <= max(height, width)]
    pages = [da.zeros((height // n, width // n), np.uint8, chunks=1024) for n in steps]
    image = viewer.add_image(pages, name="worms", multiscale=True, contrast_limits=(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        # The image has no file: its session would be kept among the user's own.
        os.environ[SESSIONS_VARIABLE] = folder
        watch.time(
            "show",
            lambda: show_prediction(
                viewer, prediction, CurationSession(prediction), image, Path(folder)
            ),
        )
        _, dock = watch.time(
            "open",
            lambda: viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread"),
        )
        settle()
        review(dock, viewer, watch)
        dock.close()
        viewer.close()
        settle()
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stdout.write(json.dumps(watch.medians() | {"memory": peak}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
