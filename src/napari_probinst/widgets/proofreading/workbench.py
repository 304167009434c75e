"""A curation session on the canvas: what is selected, edited and shown of it.

The session owns all masks; the layers only show them.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning
from psygnal import Signal

from napari_probinst.core.boxes import intersect
from napari_probinst.core.curation.history import EditStep
from napari_probinst.core.errors import EditRefusedError, OutputError
from napari_probinst.widgets.canvas import view_box
from napari_probinst.widgets.label_view import (
    add_colours,
    distinct_place,
    has_colour,
    label_colours,
    label_page,
    refresh_within,
)
from napari_probinst.widgets.layer_removal import one_removal
from napari_probinst.widgets.pages import render_again
from napari_probinst.widgets.placement import Following
from napari_probinst.widgets.proofreading.emphasis import Emphasis
from napari_probinst.widgets.proofreading.isolation import Isolation
from napari_probinst.widgets.proofreading.peak_marks import PeakMarks
from napari_probinst.widgets.proofreading.place_mark import PlaceMark
from napari_probinst.widgets.proofreading.scratch import ScratchLayers
from napari_probinst.widgets.proofreading.words import edited_text
from napari_probinst.widgets.proofreading.zoom import object_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from napari.layers import Labels, Layer

    from napari_probinst.core.curation.edit import Edit
    from napari_probinst.core.curation.session import Change
    from napari_probinst.widgets.layers import ShownPrediction


class Workbench:
    """Connects one session with its layers in one viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    shown : ShownPrediction
        Session and layers.

    Attributes
    ----------
    changed : psygnal.Signal
        The session or the selection has changed, the tool, or what it says.
    marks : PeakMarks
        Marks of the peaks.
    scratch : ScratchLayers
        Layers that tools draw in.
    """

    changed = Signal()

    def __init__(self, viewer: Any, shown: ShownPrediction) -> None:
        self.viewer = viewer
        self.shown = shown
        self.session = shown.session
        self.marks = PeakMarks(shown)
        self.scratch = ScratchLayers(viewer, shown.instances)
        #: Selected instances, in the order they were picked.
        self.selected: tuple[int, ...] = ()
        #: Whether the user selected them, not the peak.
        self.by_hand = False
        #: What the last edit or undo has done; empty once something else was done.
        self.edited = ""
        #: Why the last edit was refused; empty once something else was done.
        self.refused = ""
        self._emphasis = Emphasis(shown)
        self._place = PlaceMark(shown)
        self._following = Following(shown.instances, (self._emphasis.layer, self._place.layer))
        self._isolation = Isolation(viewer, (*shown.layers, self._place.layer))
        self._editing = False
        self._unsubscribe: Callable[[], None] = lambda: None

    def open(self) -> None:
        """Add the layers of selection and place, and listen to the session."""
        self.viewer.add_layer(self._place.layer)
        self.add_below_peaks(self._emphasis.layer)
        self._unsubscribe = self.session.subscribe(self._changed)
        self._place.show(self.session)

    def close(self) -> None:
        """Leave the viewer as it was before, but for the four layers of the prediction."""
        self._unsubscribe()
        self._following.stop()
        self._end_isolation()
        self.marks.show_all()
        self._emphasis.close()
        with one_removal(self.viewer):
            self.scratch.close()
            self.remove(self._emphasis.layer)
            self.remove(self._place.layer)

    def one_change(self) -> AbstractContextManager[None]:
        """Tell of several changes once, at the end."""
        return self.changed.paused(lambda *_changes: ())

    # Layers --------------------------------------------------------------------------------

    @property
    def own_layers(self) -> tuple[Labels, ...]:
        """Labels layers whose own keys would shadow those of the viewer."""
        return (self.shown.instances, self._emphasis.layer)

    def add_below_peaks(self, layer: Layer) -> None:
        """Add a layer under the marks of the peaks; the instances stay the active layer."""
        self.viewer.add_layer(layer)
        layers = self.viewer.layers
        present = list(layers)
        if self.shown.peaks in present:
            layers.move(present.index(layer), present.index(self.shown.peaks))
        self.activate()

    def show_scratch(self, layer: Layer) -> None:
        """Show a layer of ``scratch``; emptying and hiding it is the tool's."""
        if layer not in list(self.viewer.layers):
            self.add_below_peaks(layer)
        layer.visible = True

    def activate(self) -> None:
        """Make the instances the active layer, so that clicks and keys are ours."""
        if self.shown.instances in list(self.viewer.layers):
            self.viewer.layers.selection.active = self.shown.instances

    @property
    def is_active(self) -> bool:
        """Whether clicks are meant for the instances, not for a layer that is no part of this."""
        active = self.viewer.layers.selection.active
        ours = (*self.shown.layers, self._emphasis.layer, self._place.layer)
        return active in (*ours, self.shown.image, None)

    def remove(self, layer: Layer) -> None:
        """Take a layer of ours out of the viewer, if the user hasn't done so."""
        if layer in list(self.viewer.layers):
            self.viewer.layers.remove(layer)

    def isolate(self, tool_layer: Layer | None = None) -> None:
        """Hide everything but the selected instances and the image, or show it again.

        Parameters
        ----------
        tool_layer : Layer, optional
            Layer of the tool that is on, which stays as well.
        """
        if self._isolation.is_on:
            self._end_isolation()
            return
        if not self.selected:
            show_warning("No instance is selected: click the one to isolate.")
            return
        self._isolation.begin((self._emphasis.layer, tool_layer))
        self._show_selection()

    def _end_isolation(self) -> None:
        if self._isolation.is_on:
            self._isolation.end()
            self._show_selection()

    def toggle_uncertainty(self) -> None:
        """Show or hide the entropy."""
        self._end_isolation()
        self.shown.entropy.visible = not self.shown.entropy.visible

    # Selection and edits -------------------------------------------------------------------

    @cached_property
    def width(self) -> float:
        """Typical width of the objects, pixels, when it is first asked for."""
        return object_width(self.session.instances.values())

    @property
    def current(self) -> int | None:
        """Instance that single-instance tools work on: the one picked last."""
        return self.selected[-1] if self.selected else None

    def peak_ids(self) -> list[int]:
        """Existing instances that the current peak is about, the most uncertain first."""
        position = self.session.position
        if position is None:
            return []
        ids = (index + 1 for index in self.session.peaks[position].instances)
        return [identifier for identifier in ids if identifier in self.session.instances]

    def select(self, ids: Iterable[int], *, by_hand: bool = False) -> None:
        """Select instances; ids that don't exist are passed over."""
        self.refused = ""
        self.by_hand = by_hand
        self.selected = tuple(i for i in dict.fromkeys(ids) if i in self.session.instances)
        if not self.selected:
            self._end_isolation()
        self._show_selection()
        self.changed.emit()

    def select_peak(self) -> None:
        """Select the most uncertain instance of the current peak, which one has come to."""
        self.edited = ""
        self.select(self.peak_ids()[:1])

    def cycle(self, pixel: tuple[int, int], *, extend: bool) -> None:
        """Select at a pixel: where instances overlap, each in turn, then all, then none.

        Parameters
        ----------
        pixel : (int, int)
            y and x.
        extend : bool
            Keep what is selected elsewhere.
        """
        here = self.session.instances_at(*pixel)
        others = [i for i in self.selected if i not in here] if extend else []
        choices: list[tuple[int, ...]] = [(i,) for i in here]
        if extend and len(here) > 1:
            choices.append(here)
        if extend:
            choices.append(())
        now = tuple(i for i in here if i in self.selected)
        following = here[:1]
        if now in choices:
            following = choices[(choices.index(now) + 1) % len(choices)]
        self.select([*others, *following], by_hand=True)

    def apply(self, edit: Edit) -> bool:
        """Make an edit, or show why it is refused; return whether it was made."""
        self._editing = True
        try:
            change = self.session.apply(edit)
        except (EditRefusedError, OutputError) as error:
            return self.refuse(str(error))
        finally:
            self._editing = False
        self.edited = self._told(change)
        self.select([i for i in change.ids if i in self.session.instances][:1])
        return True

    def refuse(self, why: str) -> bool:
        """Say why there is no edit; return False, as `apply` does then."""
        show_warning(why)
        self.refused = why
        self.changed.emit()
        return False

    def tell(self, done: str) -> None:
        """Say what was done, until something else is."""
        self.edited = done
        self.changed.emit()

    def _told(self, change: Change) -> str:
        """What an edit has done, also where it can't be seen."""
        step = self.session.undo_step
        flips = step.delta.flips if isinstance(step, EditStep) else ()
        view = view_box(self.viewer, self.shown.instances)
        n_beyond = sum(intersect(flip.bbox, view) is None for flip in flips)
        states = [
            self.session.status(peak) for peak in change.peaks if peak != self.session.position
        ]
        return edited_text(len(flips), n_beyond, states.count("touched"))

    def _changed(self, change: Change) -> None:
        self.edited = ""
        if change.ids:
            layer = self.shown.instances
            render_again(layer, change.bbox, partial(label_page, self.session))
            self._colour(change.ids)
            refresh_within(layer, change.bbox)
        self._place.show(self.session)
        # An edit of the user's selects what it has made: that is shown once, then.
        if self._editing:
            return
        if change.ids:
            self.select(self.selected, by_hand=self.by_hand)
        else:
            self.changed.emit()

    def _colour(self, ids: Sequence[int]) -> None:
        """Give instances that an edit has made colours that those beside them don't have."""
        layer, chosen = self.shown.instances, self.shown.colours
        made = [
            identifier
            for identifier in ids
            if identifier > len(self.shown.prediction.instances)
            and identifier in self.session.instances
            and identifier not in chosen
        ]
        for identifier in made:
            chosen[identifier] = distinct_place(self.session, identifier, chosen)
        if not all(has_colour(layer.colormap, identifier, chosen) for identifier in made):
            add_colours(layer, label_colours(self.session.instances, chosen))

    def _show_selection(self) -> None:
        # Isolated, the selected ones are alone.
        self._emphasis.show(self.selected, () if self._isolation.is_on else self.peak_ids())
