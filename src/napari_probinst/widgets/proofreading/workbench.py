"""A curation session on the canvas: what is selected, clicked, edited and repainted.

The session owns all masks; the layers only show them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_warning

from napari_probinst.core.boxes import intersect
from napari_probinst.core.curation.history import EditStep
from napari_probinst.core.curation.peak_filter import STATUSES
from napari_probinst.core.errors import EditRefusedError, OutputError
from napari_probinst.widgets.finding import shown_by
from napari_probinst.widgets.label_view import (
    add_colours,
    distinct_place,
    has_colour,
    label_colours,
    label_page,
    refresh_within,
)
from napari_probinst.widgets.layers import peak_colours
from napari_probinst.widgets.pages import render_again
from napari_probinst.widgets.placement import Following
from napari_probinst.widgets.proofreading.canvas import pixel_at, view_box
from napari_probinst.widgets.proofreading.cursor_pixel import CursorPixel
from napari_probinst.widgets.proofreading.emphasis import Emphasis
from napari_probinst.widgets.proofreading.place_mark import PlaceMark
from napari_probinst.widgets.proofreading.words import edited_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_probinst.core.curation.edit import Edit
    from napari_probinst.core.curation.session import Change
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.tools import Tool

#: Screen pixels that a hand may move during a click.
_CLICK_TOLERANCE = 4


class Workbench:
    """Connects one session with its layers in one viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    shown : ShownPrediction
        Session and layers.
    on_change : callable
        Called after every change of the session or the selection.
    """

    def __init__(self, viewer: Any, shown: ShownPrediction, on_change: Callable[[], None]) -> None:
        self.viewer = viewer
        self.shown = shown
        self.session = shown.session
        #: Selected instances, in the order they were picked.
        self.selected: tuple[int, ...] = ()
        #: Whether the user selected them, not the peak.
        self.by_hand = False
        #: What the last edit has done; empty once something else was done.
        self.edited = ""
        #: Tool that takes the mouse; None while clicks select.
        self.tool: Tool | None = None
        #: Called when a drag has completed the tool's edit.
        self.tool_done: Callable[[], None] = lambda: None
        self._cursor = CursorPixel(viewer, shown.instances)
        #: Called when there is another pixel under it.
        self.hovered: Callable[[], None] = lambda: None
        self._on_change = on_change
        self._emphasis = Emphasis(shown)
        self._place = PlaceMark(shown)
        self._following = Following(shown.instances, (self._emphasis.layer, self._place.layer))
        self._drawn: NDArray[np.intp] | None = None
        self._editing = False
        self._unsubscribe: Callable[[], None] = lambda: None
        #: Layers that are hidden while one instance is isolated.
        self._hidden: tuple[Layer, ...] = ()

    def open(self) -> None:
        """Add the layers of selection and place, and listen to session and mouse."""
        self.viewer.add_layer(self._place.layer)
        self.add_below_peaks(self._emphasis.layer)
        self._unsubscribe = self.session.subscribe(self._changed)
        self.viewer.mouse_drag_callbacks.append(self._mouse)
        self.viewer.mouse_move_callbacks.append(self._hover)
        self._place.show(self.session)

    def close(self) -> None:
        """Leave the viewer as it was before, but for the four layers of the prediction."""
        self._unsubscribe()
        self._following.stop()
        self._show_hidden()
        self.show_peaks(np.ones(len(self.session.peaks), dtype=bool))
        if self._mouse in self.viewer.mouse_drag_callbacks:
            self.viewer.mouse_drag_callbacks.remove(self._mouse)
            self.viewer.mouse_move_callbacks.remove(self._hover)
        self._emphasis.close()
        self.remove(self._emphasis.layer)
        self.remove(self._place.layer)

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

    def activate(self) -> None:
        """Make the instances the active layer, so that clicks and keys are ours."""
        if self.shown.instances in list(self.viewer.layers):
            self.viewer.layers.selection.active = self.shown.instances

    def remove(self, layer: Layer) -> None:
        """Take a layer of ours out of the viewer, if the user hasn't done so."""
        if layer in list(self.viewer.layers):
            self.viewer.layers.remove(layer)

    def isolate(self) -> None:
        """Hide everything but the selected instances and the image, or show it again."""
        if self._hidden:
            self._show_hidden()
            return
        if not self.selected:
            show_warning("No instance is selected: click the one to isolate.")
            return
        own = (self._emphasis.layer, None if self.tool is None else self.tool.layer)
        labels = [each for each in self.viewer.layers if isinstance(each, Labels)]
        others = [each for each in labels if each not in own]
        present = dict.fromkeys([*self.shown.layers, self._place.layer, *others])
        self._hidden = tuple(layer for layer in present if layer.visible)
        for layer in self._hidden:
            layer.visible = False
        self._show_selection()

    def _show_hidden(self) -> None:
        if not self._hidden:
            return
        for layer in self._hidden:
            shown = shown_by(layer)
            if shown is None or shown.follower is None:
                layer.visible = True
            else:
                shown.follower.show(layer)
        self._hidden = ()
        self._show_selection()

    def toggle_uncertainty(self) -> None:
        """Show or hide the entropy."""
        self._show_hidden()
        self.shown.entropy.visible = not self.shown.entropy.visible

    # Selection and edits -------------------------------------------------------------------

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
        self.by_hand = by_hand
        self.selected = tuple(i for i in dict.fromkeys(ids) if i in self.session.instances)
        if not self.selected:
            self._show_hidden()
        self._show_selection()
        self._on_change()

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

    def tell(self) -> None:
        """Show anew what depends on the tool, which says other things now."""
        self._on_change()

    def apply(self, edit: Edit) -> bool:
        """Make an edit, or show why it is refused; return whether it was made."""
        self._editing = True
        try:
            change = self.session.apply(edit)
        except (EditRefusedError, OutputError) as error:
            show_warning(str(error))
            return False
        finally:
            self._editing = False
        self.edited = self._told(change)
        self.select([i for i in change.ids if i in self.session.instances][:1])
        return True

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
            self._on_change()

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
        self._emphasis.show(self.selected, () if self._hidden else self.peak_ids())

    def show_peaks(self, listed: NDArray[np.bool_]) -> None:
        """Mark the peaks that the queue lists, shape (n_peaks,), in the colours of their states."""
        peaks, session = self.shown.peaks, self.session
        if not len(listed) == len(session.peaks) == len(peaks.data) or not session.peaks:
            return
        states = session.queue.states()
        drawn = np.where(listed, states, len(STATUSES))
        if self._drawn is not None and np.array_equal(drawn, self._drawn):
            return
        self._drawn = drawn
        # In place: the setters look through all points several times.
        peaks.features["status"] = np.array(STATUSES)[states]
        peaks.events.features()
        # Of points that it displays all axes of, napari hides none: these can't be seen.
        peaks.border_color[:] = peak_colours(session)
        peaks.border_color[~listed, 3] = 0
        peaks.events.border_color()

    # Mouse ---------------------------------------------------------------------------------

    @property
    def pixel(self) -> tuple[int, int] | None:
        """Pixel (y, x) under the cursor; None outside."""
        return self._cursor.pixel

    def view_moved(self, *, on_canvas: bool) -> None:
        """Take the pixel that has come under the cursor, unless it isn't on the canvas."""
        self._cursor.view_moved(on_canvas=on_canvas)

    def _hover(self, _viewer: Any, event: Any) -> None:
        self._cursor.moved_to(event.position)
        self.hovered()

    def _listens(self) -> bool:
        """Whether clicks are meant for the instances, not for a layer that is no part of this."""
        active = self.viewer.layers.selection.active
        ours = (*self.shown.layers, self._emphasis.layer, self._place.layer)
        return active in (*ours, self.shown.image, None)

    def _mouse(self, _viewer: Any, event: Any) -> Iterator[None]:
        """Clicks select; drags go to the tool. The camera keeps what nobody wants."""
        if event.button != 1 or not self._listens():
            return
        tool = self.tool
        start = np.array(event.pos)
        dragging = False
        yield
        while event.type == "mouse_move":
            if not dragging and np.abs(np.array(event.pos) - start).max() > _CLICK_TOLERANCE:
                dragging = True
            if tool is not None:
                tool.dragged(event.position)
            yield
        if tool is not None and self.tool is not tool:
            return
        pixel = pixel_at(self.shown.instances, event.position)
        if tool is not None:
            if tool.released(pixel, clicked=not dragging):
                self.tool_done()
        elif not dragging and pixel is not None:
            self.cycle(pixel, extend="Shift" in event.modifiers)
