"""What the Proofread dock offers to go through the queue: steps, decisions, and looking again."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from psygnal import Signal

from napari_probinst.core.boxes import enclose
from napari_probinst.core.curation.folder_review import FolderReview
from napari_probinst.core.curation.scene import scene_at
from napari_probinst.core.inference.opinions import opinions
from napari_probinst.widgets.proofreading.edit_actions import tried
from napari_probinst.widgets.proofreading.retrace import Retrace
from napari_probinst.widgets.proofreading.zoom import zoom_to_peak

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.curation.history import Decision
    from napari_probinst.core.curation.peak_filter import PeakFilter
    from napari_probinst.core.instances import Peak
    from napari_probinst.widgets.proofreading.desk import Desk
    from napari_probinst.widgets.proofreading.edit_actions import EditActions
    from napari_probinst.widgets.proofreading.panel import ProofreadPanel
    from napari_probinst.widgets.proofreading.refresh import Refresh
    from napari_probinst.widgets.proofreading.review_walk import ReviewWalk
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: napari cuts longer ones off.
_LAST, _FIRST = "This is the last listed place.", "This is the first listed place."


class QueueActions:
    """Steps and decisions of the review that a desk lies on.

    Parameters
    ----------
    desk : Desk
        Its bench.
    edits : EditActions
        Say whether the bench is free.
    walk : ReviewWalk
        Knows where one is, and leads elsewhere.
    panel : ProofreadPanel
        Tells which places are listed, and whether going to one leaves the zoom as it is.
    refresh : Refresh
        Shows what has changed.

    Attributes
    ----------
    arrived : psygnal.Signal
        One has come to a place.
    images_changed : psygnal.Signal
        Some images may have turned out to be unusable on the way.
    """

    arrived = Signal()
    images_changed = Signal()

    def __init__(
        self,
        desk: Desk,
        edits: EditActions,
        walk: ReviewWalk,
        panel: ProofreadPanel,
        refresh: Refresh,
    ) -> None:
        self._desk = desk
        self._edits = edits
        self._walk = walk
        self._panel = panel
        self._refresh = refresh
        #: Places that were left for others, by their image's name and their peak's index.
        self._visited: set[tuple[str, int]] = set()
        #: Undo and redo, over all images of a folder.
        self.retrace = Retrace(edits, walk, self.visit)

    @property
    def named(self) -> dict[str, Callable[[], None]]:
        """Every action by the name of its button and key."""
        return {
            "next": self.next,
            "previous": self.previous,
            "accept": self.accept,
            "skip": self.skip,
            "flag": self.flag,
            "undo": self.retrace.undo,
            "redo": self.retrace.redo,
            "jump": self.jump,
            "isolate": self.isolate,
            "uncertainty": self.toggle_uncertainty,
        }

    def forget_visits(self) -> None:
        """Begin another review: its images may have the names of those of the one before."""
        self._visited.clear()

    def visit(self) -> None:
        """Show the place one has come to."""
        bench = self._desk.bench
        if bench is not None:
            bench.activate()
            bench.select_peak()
            self._look(keep_zoom=self._panel.keep_zoom)
            self.arrived.emit()

    # Steps and decisions -------------------------------------------------------------------

    def next(self) -> None:
        """Go to the next place that no edit has settled."""
        self._step(FolderReview.next, _LAST)

    def previous(self) -> None:
        """Go back, also to a place that an edit has settled since one was there."""
        self._step(self._before, _FIRST)

    def go_to(self, row: int) -> None:
        """Go to a place of the review, by its row."""
        if self._edits.ready() is None:
            return
        self._note_visit()
        if self._walk.go(row):
            self.visit()

    def accept(self) -> None:
        """Say that the place is right now, and go to the next open one."""
        self._decide("accepted")

    def skip(self) -> None:
        """Put the place off, and go to the next open one."""
        self._decide("skipped")

    def flag(self) -> None:
        """Leave the place to somebody who knows better, and go to the next open one."""
        self._decide("flagged")

    def _step(
        self, following: Callable[[FolderReview, int, PeakFilter], int | None], end: str = ""
    ) -> None:
        if self._edits.ready() is None or self._walk.row is None:
            return
        self._note_visit()
        with self._refresh.once():
            moved = self._walk.step(following, self._panel.peak_filter)
            if moved:
                self.visit()
        if moved:
            return
        self.images_changed.emit()
        self._refresh()
        if end:
            show_info(end)

    def _before(self, review: FolderReview, row: int, among: PeakFilter) -> int | None:
        """Place before a row that is listed, or where one has been."""
        visited = [
            review.row(image, peak)
            for name, peak in self._visited
            if (image := review.index_of(name)) is not None
            and peak < len(review.images[image].peaks)
        ]
        return review.previous(row, among, visited)

    def _note_visit(self) -> None:
        review, row = self._walk.review, self._walk.row
        if review is not None and row is not None:
            image, peak = review.place(row)
            self._visited.add((review.images[image].name, peak))

    def _decide(self, decision: Decision) -> None:
        place = self._edits.ready()
        if place is None or place.bench.session.position is None:
            return
        session, position = place.bench.session, place.bench.session.position
        if tried(lambda: session.decide(position, decision)):
            self._step(FolderReview.next_open)

    # Looking -------------------------------------------------------------------------------

    def isolate(self) -> None:
        """Show the selected instances alone, or all again."""
        place = self._edits.place()
        if place is not None:
            tool = place.tools.tool
            place.bench.isolate(None if tool is None else tool.layer)

    def toggle_uncertainty(self) -> None:
        """Show or hide the entropy."""
        place = self._edits.place()
        if place is not None:
            place.bench.toggle_uncertainty()

    def jump(self) -> None:
        """Zoom to the current place again."""
        if self._edits.place() is not None:
            self._look(keep_zoom=False)

    def _look(self, *, keep_zoom: bool) -> None:
        bench = self._desk.bench
        if bench is None or bench.session.position is None:
            return
        peak = bench.session.peaks[bench.session.position]
        patch = bench.session.prediction.settings.patch
        self._desk.bring_into_view()
        zoom_to_peak(
            bench.viewer,
            bench.shown.instances,
            peak,
            patch,
            bench.width,
            wholes=_wholes(bench, peak),
            keep_zoom=keep_zoom,
        )


def _wholes(bench: Workbench, peak: Peak) -> list[BBox]:
    """Boxes that are to be seen as a whole at a place, the best first."""
    session, involved = bench.session, bench.peak_ids()
    scene = scene_at(session.prediction.instances, peak.instances)
    wholes = []
    if len(opinions(scene.views)) > 1:
        # All that adopting one of the hypotheses would change.
        changed = [*chain(*scene.views), *scene.present(session.instances).values()]
        wholes.append(enclose(instance.bbox for instance in changed))
    if peak.kind == "merge" and involved:
        # Whether one instance is two objects can't be seen in a part of it.
        wholes.append(session.instances[involved[0]].bbox)
    return wholes
