"""What the corrections of a session are worth: scores before, now, and after each stop.

It stands above `curation`, whose steps it follows, and `evaluation`, whose scores it tells: neither
of these knows the other.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING

from napari_probinst.core.curation.history import EditStep
from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.live import LiveScores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.curation.history import Step
    from napari_probinst.core.evaluation.live import Score
    from napari_probinst.core.instances import Instance, InstanceSet
    from napari_probinst.core.prediction import Prediction


class BeforeAfter:
    """Scores of one image against its truth while it is corrected.

    An edit costs the instances it touches; see `LiveScores`.

    Parameters
    ----------
    prediction : Prediction
        What was predicted: the state before.
    truth : InstanceSet
        True instances of the image.

    Attributes
    ----------
    before : Score
        Scores of the prediction.

    Raises
    ------
    InputError
        If the truth is of another size.
    """

    def __init__(self, prediction: Prediction, truth: InstanceSet) -> None:
        if tuple(truth.shape) != tuple(prediction.shape):
            raise InputError(
                f"The truth is {truth.shape[0]} x {truth.shape[1]} pixels, but the prediction of "
                f"{prediction.name} is {prediction.shape[0]} x {prediction.shape[1]}; choose the "
                "truth of this image."
            )
        self._instances: dict[int, Instance] = {
            index + 1: mask for index, mask in exported_instances(prediction).items()
        }
        self._live = LiveScores(truth, self._instances)
        self._steps: tuple[Step, ...] = ()
        self.before = self._live.score
        self._curve = [self.before]

    @property
    def now(self) -> Score:
        """Scores after the steps that were taken over last."""
        return self._live.score

    @property
    def curve(self) -> tuple[Score, ...]:
        """Scores after 0, 1, 2, ... stops (`stop_numbers`)."""
        return tuple(self._curve)

    def catch_up(self, steps: Sequence[Step]) -> Score:
        """Go to the state after these steps, from that after those of the last time.

        Parameters
        ----------
        steps : sequence of Step
            Edits and decisions that hold, e.g. ``CurationSession.steps``.
        """
        steps = tuple(steps)
        pairs = enumerate(zip_longest(self._steps, steps))
        n_common = next((n for n, (one, other) in pairs if one is not other), len(steps))
        for step in reversed(self._steps[n_common:]):
            self._make(step, undone=True)
        numbers = stop_numbers(steps)
        self._mark(numbers[n_common - 1] if n_common else 0)
        for step, number in zip(steps[n_common:], numbers[n_common:], strict=True):
            self._make(step)
            self._mark(number)
        self._steps = steps
        return self.now

    def _make(self, step: Step, *, undone: bool = False) -> None:
        if not isinstance(step, EditStep):
            return
        delta = step.delta.inverse if undone else step.delta
        changed = delta.apply(self._instances)
        for identifier, instance in changed.items():
            if instance is None:
                self._instances.pop(identifier, None)
            else:
                self._instances[identifier] = instance
        self._live.update(changed)

    def _mark(self, number: int) -> None:
        """Put the present scores down as those after so many stops, the last ones."""
        self._curve[number:] = [self.now]


def stop_numbers(steps: Sequence[Step]) -> list[int]:
    """Count the stop that each step belongs to, from 1.

    Steps at one peak that follow one another are one stop: an edit and then its acceptance. A
    peak that is come back to later is another stop, and so is each edit away from the peaks.
    """
    numbers: list[int] = []
    for index, step in enumerate(steps):
        same = index > 0 and step.peak is not None and step.peak == steps[index - 1].peak
        numbers.append((numbers[-1] if numbers else 0) + (not same))
    return numbers
