"""How far a queue is: a bar, a sentence, the list of images, and napari's activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils.notifications import show_error, show_warning
from qtpy.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_probinst.core.inference.scale import typical_misfit
from napari_probinst.widgets.prediction.activity import ActivityBars
from napari_probinst.widgets.prediction.queue_view import QueueView
from napari_probinst.widgets.prediction.time_left import TimeLeft
from napari_probinst.widgets.scrolling_dock import button
from napari_probinst.widgets.wording import clock_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_probinst.core.inference.scale import Misfit
    from napari_probinst.widgets.prediction.events import Ended, Noted, Progress

_STEPS = 1000
#: Refused images whose reasons are told at the end; the list tells those of all.
_MOST_REASONS = 5


class RunView(QWidget):
    """Shows a queue that runs, and what came of it.

    Parameters
    ----------
    on_cancel : callable
        Called with the place of an image that is cancelled while the others go on.
    on_rescale : callable
        Called with a scale, and the places of the images that it suits better.
    """

    def __init__(
        self,
        on_cancel: Callable[[int], None],
        on_rescale: Callable[[float, Sequence[int]], None],
    ) -> None:
        super().__init__()
        self._on_rescale = on_rescale
        self._names: Sequence[str] = ()
        #: " at scale 0.5", where the form says another.
        self._at_scale = ""
        self._ended: list[Ended] = []
        self._failed = False
        self._time = TimeLeft()
        self._activity: ActivityBars | None = None
        self._bar = QProgressBar()
        self._bar.setObjectName("progress")
        self._status = QLabel()
        self._status.setObjectName("status")
        self._status.setWordWrap(True)
        self._queue = QueueView(on_cancel)
        self._rescale = button(
            "rescale",
            "Rescale",
            "Predict the images with objects of another width again, at the scale that suits them; "
            "the Scale above stays for those to come",
            self._rescale_misfits,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._bar)
        layout.addWidget(self._status)
        layout.addWidget(self._rescale)
        layout.addWidget(self._queue)
        for each in (self._bar, self._rescale, self._queue):
            each.hide()

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._status.setText(text)

    def begin(self, names: Sequence[str], scale: float | None = None) -> None:
        """Show that a queue of images begins; ``scale`` is told where the form says another."""
        self._at_scale = "" if scale is None else f" at scale {scale:g}"
        self._names, self._ended, self._failed = names, [], False
        self._time = TimeLeft()
        self._activity = ActivityBars(names)
        self._rescale.hide()
        self._bar.setRange(0, 0)
        self._bar.show()
        self._queue.begin(names)
        self._queue.setVisible(len(names) > 1)
        self.say("Reading the model…")

    def show_progress(self, progress: Progress) -> None:
        """Show how far an image is."""
        self._time.note(progress)
        if self._activity is not None:
            self._activity.show(progress)
        self._bar.setRange(0, _STEPS)
        share = (len(self._ended) + progress.share) / len(self._names)
        self._bar.setValue(round(_STEPS * share))
        state = progress.words + _left(self._time.seconds())
        self._queue.show_state(progress.index, state)
        if len(self._names) == 1:
            self.say(f"Predicting{self._at_scale}: {state}")
        else:
            done = f"{len(self._ended)} of {len(self._names)} images are done{self._at_scale}"
            self.say(done + _left(self._time.seconds(self._queue.n_waiting)))

    def note(self, noted: Noted) -> None:
        """Show a sentence about an image."""
        show_warning(f"{self._names[noted.index]}: {noted.text}")

    def end_image(self, ended: Ended) -> None:
        """Show what came of an image."""
        self._time.end_image()
        self._ended.append(ended)
        self._queue.end(ended)
        if self._activity is not None:
            self._activity.end_image()

    def fail(self, text: str) -> None:
        """Show the error that ended the queue."""
        self._failed = True
        self.say(text)

    def finish(self) -> None:
        """Show that the queue has come to its end, and what came of all images."""
        self._bar.hide()
        self._queue.stop()
        self.close_activity()
        if not self._failed:
            self.say(self._summary())
            self._tell_refused()
        if self._misfits:
            scale = typical_misfit(list(self._misfits.values())).scale
            self._rescale.setText(f"Rescale by {scale:g}")
            self._rescale.show()

    def close_activity(self) -> None:
        """Remove the bars from napari's activity dock."""
        if self._activity is not None:
            self._activity.close()
            self._activity = None

    @property
    def _misfits(self) -> dict[int, Misfit]:
        return {each.index: each.misfit for each in self._ended if each.misfit is not None}

    def _rescale_misfits(self) -> None:
        misfits = self._misfits
        self._on_rescale(typical_misfit(list(misfits.values())).scale, list(misfits))

    @property
    def _refused(self) -> list[Ended]:
        return [ended for ended in self._ended if ended.ending == "refused"]

    def _summary(self) -> str:
        if len(self._names) == 1 and self._ended:
            (ended,) = self._ended
            if ended.ending == "cancelled":
                return ended.text or "Cancelled; nothing was changed."
            if ended.ending == "done" and self._at_scale:
                return f"{self._at_scale.strip().capitalize()}: {ended.text}"
            return ended.text
        counts = [
            f"{n} {ending}"
            for ending in ("done", "finished before", "cancelled", "refused")
            if (n := sum(ended.ending == ending for ended in self._ended))
        ]
        lines = [f"{len(self._names)} images{self._at_scale}: {', '.join(counts)}."]
        lines += [
            f"{self._names[ended.index]}: {ended.text}" for ended in self._refused[:_MOST_REASONS]
        ]
        if len(self._refused) > _MOST_REASONS:
            lines.append("The list says why the others were refused.")
        return "\n".join(lines)

    def _tell_refused(self) -> None:
        refused = self._refused
        if len(self._names) == 1 and refused:
            show_error(refused[0].text)
        elif refused:
            show_warning(f"{len(refused)} of {len(self._names)} images were refused; see the list.")


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f" · {clock_text(seconds)} left"
