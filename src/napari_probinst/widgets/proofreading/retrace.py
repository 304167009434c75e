"""Undo and redo over all images of a folder, in the order in which the curator worked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.widgets.proofreading.edit_actions import tried

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.core.curation.history import Step
    from napari_probinst.widgets.proofreading.edit_actions import EditActions
    from napari_probinst.widgets.proofreading.review_walk import ReviewWalk


class Retrace:
    """Takes back the last step, and goes to its image first where that is another one.

    Within an image undo leaves the curator where they are, and says what it was; what happens in
    another image has to be seen.

    Parameters
    ----------
    edits : EditActions
        Say whether the bench is free.
    walk : ReviewWalk
        Knows the order of the steps, and leads to other images.
    visit : callable
        Shows the place one has come to.
    """

    def __init__(self, edits: EditActions, walk: ReviewWalk, visit: Callable[[], None]) -> None:
        self._edits = edits
        self._walk = walk
        self._visit = visit

    def undo(self) -> None:
        """Take back the last edit or decision."""
        self._retrace(self._walk.last_step, CurationSession.undo, "Taken back")

    def redo(self) -> None:
        """Make the last edit or decision again that was taken back."""
        self._retrace(self._walk.next_step, CurationSession.redo, "Made again")

    def _retrace(
        self, elsewhere: int | None, act: Callable[[CurationSession], Step | None], done: str
    ) -> None:
        if self._edits.ready() is None:
            return
        if elsewhere is not None and not self._walk.enter(elsewhere):
            return
        place = self._edits.ready()
        if place is None:
            return
        session = place.bench.session
        steps: list[Step | None] = []
        tried(lambda: steps.append(act(session)))
        step = steps[0] if steps else None
        if elsewhere is None:
            if step is not None:
                place.bench.tell(f"{done}: {step.summary}.")
            return
        if step is None:
            # Read only, or another session by now: the way back must not end here for good.
            self._walk.forget_steps()
        elif step.peak is not None:
            session.position = step.peak
        self._visit()
