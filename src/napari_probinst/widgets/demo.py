"""The main job on embedded data in a real window: what ``napari-probinst demo`` starts."""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication

from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.data.coco import write_coco
from napari_probinst.core.data.exports import coco_image, export_prediction
from napari_probinst.core.data.naming import COCO_NAME, PREDICTION_SUFFIX
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import ProbinstError
from napari_probinst.core.evaluation.average_precision import count_hits, mean_dsb
from napari_probinst.core.evaluation.matching import iou_matrix
from napari_probinst.core.inference.entropy import confidence, entropy_map, probability_map
from napari_probinst.core.inference.jitter import count_jitter
from napari_probinst.core.instances import InstanceSet
from napari_probinst.sample_data import sample_image
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.proofreading.session_place import SESSIONS_VARIABLE
from napari_probinst.widgets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.instances import Instance, Peak
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.proofreading.dock import ProofreadWidget

WINDOW_SIZE = (1500, 900)
#: A contour that agrees less with the truth than this is worth a repaint.
GOOD_IOU = 0.8
_PATIENCE = 300.0


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(prog="napari-probinst demo")
    parser.add_argument("output", type=Path)
    parser.add_argument("--unattended", action="store_true")
    options = parser.parse_args(arguments)
    try:
        make_folder(options.output)
        with TemporaryDirectory() as sessions:
            # A picture of the demo must not depend on what an earlier one corrected.
            if options.unattended:
                os.environ[SESSIONS_VARIABLE] = sessions
            _Demo(options.output).run(unattended=options.unattended)
    except ProbinstError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


class _Demo:
    def __init__(self, output: Path) -> None:
        self._output = output

    def run(self, *, unattended: bool) -> None:
        with self._step("napari and the sample opened"):
            viewer = napari.Viewer(show=True)
            viewer.window.resize(*_window_size())
            viewer.open_sample("napari-probinst", "worms")
        with self._step("predicted by the Predict dock"):
            _, predict = viewer.window.add_plugin_dock_widget("napari-probinst", "Predict")
            predict.run()
            wait_until(lambda: not predict.running)
        if not any(shown_predictions(viewer)):
            raise ProbinstError("The prediction failed; the notification above says why.")
        with self._step("Proofread dock opened at the first peak"):
            _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
            dock.choose(next(shown_predictions(viewer)))
        with self._step("prediction and exports written"):
            self._write(dock.shown.prediction)
        dock.choose_folder = lambda _: self._output
        if not unattended:
            prediction = dock.shown.prediction
            self._say(places_text(prediction.peaks, prediction.settings.patch))
            napari.run()
            return
        session = dock.shown.session
        before = score(session)
        with self._step("corrected"):
            what = correct_one(viewer, dock, lambda: self._picture(viewer, "window-before.png"))
        after = score(session)
        self._say(f"{what}: DSB against the known truth {before:.3f} before, {after:.3f} after")
        with self._step("corrections saved by the Proofread dock"):
            dock.save()
        self._picture(viewer, "window.png")
        viewer.close()

    def _write(self, prediction: Prediction) -> None:
        instances = prediction.instances
        save_prediction(prediction, self._output / f"{prediction.name}{PREDICTION_SUFFIX}")
        export_prediction(
            prediction,
            self._output,
            probability=probability_map(instances),
            entropy=entropy_map(instances),
        )
        record = coco_image(prediction, f"{prediction.name}.tif", confidence(instances))
        write_coco([record], self._output / COCO_NAME)

    def _picture(self, viewer: Any, name: str) -> None:
        settle()
        path = self._output / name
        viewer.screenshot(str(path), canvas_only=False, flash=False)
        self._say(f"{path} written")

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self._say(f"{what}: {time.perf_counter() - began:.1f} s")

    def _say(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def places_text(peaks: Sequence[Peak], patch: int) -> str:
    """How many places the dock lists, as the Predict dock says it, and the keys to begin with.

    Parameters
    ----------
    peaks : sequence of Peak
        Peaks of the prediction.
    patch : int
        Side of a patch, pixels.
    """
    n_jitter = count_jitter(peaks, patch)
    text = f"{counted(len(peaks) - n_jitter, 'place')} to proofread"
    return f"{text}, and {n_jitter} where only outlines waver: press N, K, G, H"


def correct_one(viewer: Any, dock: ProofreadWidget, before_edit: Callable[[], None]) -> str:
    """Walk through the peaks as a curator who knows the truth, and mend the first error.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the dock is.
    dock : ProofreadWidget
        At the first peak.
    before_edit : callable
        Called at the peak that is mended, before anything changes.

    Returns
    -------
    str
        What was done, in words.
    """
    shown = dock.shown
    if shown is None or shown.session.position is None:
        return "there was no place to correct"
    session = shown.session
    truth = sample_image().truth
    for number in range(len(session.peaks)):
        peak = session.peaks[session.position or 0]
        ids = [index + 1 for index in peak.instances if index + 1 in session.instances]
        best = {identifier: _best_truth(session, identifier, truth) for identifier in ids}
        if len(ids) > 1 and len({index for index, _ in best.values()}) == 1:
            before_edit()
            dock.edits.merge()
            dock.edits.confirm()
            return f"peak {number + 1}: merged {len(ids)} pieces of one worm"
        if ids and best[ids[0]][1] == 0:
            before_edit()
            dock.edits.delete()
            return f"peak {number + 1}: deleted an instance that is no worm"
        if ids and best[ids[0]][1] < GOOD_IOU:
            before_edit()
            before = session.instances[ids[0]]
            dock.edits.repaint()
            paint(viewer, dock, truth.instances[best[ids[0]][0]])
            swallowed = _swallowed(before, session, truth)
            for worm in swallowed:
                dock.edits.add()
                paint(viewer, dock, worm)
            added = f" and added {len(swallowed)} that it had swallowed" if swallowed else ""
            return f"peak {number + 1}: repainted a worm{added}"
        dock.queue.accept()
    return "every place was right"


def paint(viewer: Any, dock: ProofreadWidget, wanted: Instance) -> None:
    """Paint ``wanted`` into the layer of the brush tool that is on, and finish the tool."""
    layer = viewer.layers.selection.active
    page = wanted.full(layer.data.shape).astype(layer.data.dtype)
    changed = np.nonzero(page != layer.data)
    layer.data_setitem(changed, page[changed])
    dock.edits.confirm()


def score(session: CurationSession) -> float:
    """Mean DSB of the current instances against the truth of the sample."""
    current = InstanceSet(session.shape, tuple(session.instances.values()))
    return mean_dsb([count_hits(current, sample_image().truth)])


def _window_size() -> tuple[int, int]:
    """Width and height of the window; no more than the screen has."""
    screen = QApplication.primaryScreen()
    if screen is None:
        return WINDOW_SIZE
    room = screen.availableGeometry()
    return min(WINDOW_SIZE[0], room.width()), min(WINDOW_SIZE[1], room.height())


def settle(seconds: float = 1.5) -> None:
    """Let the window draw itself."""
    loop = QEventLoop()
    QTimer.singleShot(int(1000 * seconds), loop.quit)
    loop.exec_() if hasattr(loop, "exec_") else loop.exec()


def wait_until(condition: Callable[[], bool]) -> None:
    """Keep the window alive until ``condition`` holds.

    Raises
    ------
    ProbinstError
        If it doesn't within five minutes.
    """
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        QApplication.processEvents()
        time.sleep(0.01)
        if time.monotonic() > deadline:
            raise ProbinstError("The prediction took more than five minutes; the demo gave up.")


def _best_truth(session: CurationSession, identifier: int, truth: InstanceSet) -> tuple[int, float]:
    one = InstanceSet(session.shape, (session.instances[identifier],))
    ious = iou_matrix(one, truth)[0]
    return int(ious.argmax()), float(ious.max())


def _swallowed(before: Instance, session: CurationSession, truth: InstanceSet) -> list[Instance]:
    """Worms that were mostly part of ``before``, and that no instance shows now."""
    shown = InstanceSet(session.shape, tuple(session.instances.values()))
    found = iou_matrix(shown, truth).max(axis=0, initial=0.0)
    return [
        worm
        for worm, iou in zip(truth.instances, found, strict=True)
        if iou < 0.25 and 2 * before.intersection(worm) > worm.area
    ]


if __name__ == "__main__":
    sys.exit(main())
