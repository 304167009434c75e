"""The predictions of a viewer that can be proofread, and the one that is on the bench."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_info, show_warning
from psygnal import Signal

from napari_probinst.widgets.finding import (
    METADATA_KEY,
    same_prediction,
    shown_in_view,
    shown_predictions,
)
from napari_probinst.widgets.layers import add_layers, redraw, remove_layers
from napari_probinst.widgets.proofreading.alone import ShownAlone
from napari_probinst.widgets.proofreading.canvas_mouse import CanvasMouse
from napari_probinst.widgets.proofreading.keeping import SessionKeeper, resumed_text
from napari_probinst.widgets.proofreading.tool_switch import ToolSwitch
from napari_probinst.widgets.proofreading.workbench import Workbench

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari.layers import Layer

    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.keys import KeyBindings


@dataclass(frozen=True, slots=True, eq=False)
class Workplace:
    """Where one prediction is worked on.

    Parameters
    ----------
    bench : Workbench
        Its session and layers.
    tools : ToolSwitch
        The tools that work on it.
    mouse : CanvasMouse
        The mouse that leads to both.
    """

    bench: Workbench
    tools: ToolSwitch
    mouse: CanvasMouse


class Desk:
    """Follows predictions that come and go, and puts one of them on the bench.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are followed.
    keys : KeyBindings
        Binds the keys of the layers that are worked on.

    Attributes
    ----------
    changed : psygnal.Signal
        The session, the selection or the tool has changed.
    choices_changed : psygnal.Signal
        There may be other predictions to choose from, or none is worked on.
    chosen : psygnal.Signal
        Another prediction is worked on.
    orphaned : psygnal.Signal
        The instances of a prediction that has corrections were removed; carries the prediction.
    hovered : psygnal.Signal
        The cursor has moved.
    place : Workplace or None
        Where the prediction is worked on; None while there is none.
    keeper : SessionKeeper
        Keeps the sessions of all predictions that were on the bench.
    alone : ShownAlone
        Hides what lies over the prediction that is worked on.
    """

    changed = Signal()
    choices_changed = Signal()
    chosen = Signal()
    orphaned = Signal(object)
    hovered = Signal()

    def __init__(self, viewer: Any, keys: KeyBindings) -> None:
        self.place: Workplace | None = None
        self.keeper = SessionKeeper()
        self.alone = ShownAlone(viewer)
        self._viewer = viewer
        self._keys = keys
        #: Predictions whose instances layer was removed; they can be shown again.
        self._orphans: list[ShownPrediction] = []
        self._switching = False
        #: Whether the sliders stand at a plane that nothing was predicted of.
        self._is_away = False
        self._layer_events = [
            getattr(viewer.layers.events, name)
            for name in ("inserted", "removed", "reordered", "renamed")
        ]
        for event in self._layer_events:
            event.connect(self.follow_layers)
        self._sliders = viewer.dims.events.point
        self._sliders.connect(self.follow_plane)
        self._active = viewer.layers.selection.events.active
        self._active.connect(self._follow_active)

    @property
    def bench(self) -> Workbench | None:
        """Session and layers that are worked on."""
        return None if self.place is None else self.place.bench

    @property
    def shown(self) -> ShownPrediction | None:
        """Prediction that is worked on."""
        return None if self.place is None else self.place.bench.shown

    @property
    def choices(self) -> tuple[ShownPrediction, ...]:
        """Predictions that can be worked on."""
        return (*shown_predictions(self._viewer), *self._orphans)

    @property
    def removed(self) -> tuple[ShownPrediction, ...]:
        """Predictions whose instances layer was removed, and that can be chosen again."""
        return tuple(self._orphans)

    def choose(self, shown: ShownPrediction) -> None:
        """Work on a prediction, unless a painting isn't finished."""
        if shown is self.shown:
            return
        if not self.free():
            self.choices_changed.emit()
            return
        with self.switching():
            self._close_bench()
            if self.keep(shown):
                show_info(resumed_text(shown.session.records))
            bench = Workbench(self._viewer, shown)
            tools = ToolSwitch(bench, self._keys)
            mouse = CanvasMouse(bench, tools)
            bench.changed.connect(self.changed.emit)
            mouse.hovered.connect(self.hovered.emit)
            self.place = Workplace(bench, tools, mouse)
            if shown in self._orphans:
                self._orphans.remove(shown)
                add_layers(self._viewer, shown)
            self._is_away = False
            self.bring_into_view()
            self.alone.show(shown)
            bench.open()
        for layer in bench.own_layers:
            self._keys.bind_layer(layer)
        self.choices_changed.emit()
        self.chosen.emit()

    def bring_into_view(self) -> None:
        """Move the sliders to the plane that is worked on, wherever the curator moved them."""
        shown = self.shown
        if shown is None or shown.follower is None:
            return
        # On the way there, axis by axis, other planes come by that are not to be worked on.
        with self.switching():
            shown.follower.bring_into_view()
        self.follow_plane()

    def see(self) -> None:
        """Show what is worked on, where the curator hid it or the sliders are elsewhere."""
        if self.bench is None:
            return
        self.bring_into_view()
        self.bench.activate()
        shown = self.bench.shown
        for layer in (shown.image, shown.instances):
            if layer is not None:
                layer.visible = True

    def keep(self, shown: ShownPrediction) -> bool:
        """Keep a prediction's session open; return whether earlier corrections were taken up."""
        with self.switching():
            self._take_over(shown)
            return self.keeper.keep(shown)

    def retire(self, shown: ShownPrediction) -> bool:
        """Take a prediction that isn't worked on out of the viewer; its session is closed.

        Returns
        -------
        bool
            False if it has corrections that can't be written: then it stays, out of sight.
        """
        with self.switching():
            if not self.keeper.let_go(shown):
                for layer in shown.layers:
                    layer.visible = False
                return False
            if shown in self._orphans:
                self._orphans.remove(shown)
            remove_layers(self._viewer, shown)
        return True

    def free(self) -> bool:
        """Turn the tool off; return False if it holds a painting that isn't finished."""
        return self.place is None or self.place.tools.leave()

    @contextmanager
    def switching(self) -> Iterator[None]:
        """Ignore the comings and goings of layers that we cause ourselves."""
        before, self._switching = self._switching, True
        try:
            yield
        finally:
            self._switching = before

    def follow_layers(self, event: Any = None) -> None:
        """Follow predictions that come and go; take up the first one where none is worked on."""
        if self._switching:
            return
        for shown in self.keeper.shown:
            if _removed(event, shown.instances):
                self._let_go(shown)
        present = list(shown_predictions(self._viewer))
        if self.bench is None and present and not self._orphans:
            in_view = (each for each in present if each.follower is None or each.follower.is_here)
            self.choose(next(in_view, present[0]))
        else:
            self.choices_changed.emit()

    def _follow_active(self, _event: Any = None) -> None:
        """Offer what there is for the active layer, where nothing is worked on."""
        if self.bench is None and not self._switching:
            self.choices_changed.emit()

    def follow_plane(self, _event: Any = None) -> None:
        """Work on the prediction of the plane of a stack that came into view, if there is one."""
        shown = self.shown
        if self._switching or shown is None or shown.follower is None or self.bench is None:
            return
        here = shown.follower.is_here
        if not here:
            other = shown_in_view(self._viewer, shown.image)
            if other is not None and other.follower is not None and other.follower.is_here:
                self.choose(other)
                return
        if here is self._is_away:
            self._is_away = not here
            for layer in self.bench.own_layers:
                if layer not in shown.layers:
                    layer.visible = here

    def painting(self) -> Layer | None:
        """Layer of a painting that isn't finished."""
        tool = None if self.place is None else self.place.tools.tool
        return tool.layer if tool is not None and tool.unfinished() else None

    def at_stake(self) -> str | None:
        """Return what napari would take with it if it closed now; None if all is on the disk."""
        if self.painting() is not None:
            return "A painting isn't finished, and would be lost."
        waiting = [shown.title for shown in self.keeper.shown if not _on_disk(shown)]
        return f"Corrections of {_names(waiting)} are not on disk." if waiting else None

    def close(self) -> None:
        """Give back keys, callbacks, layers and sessions; a painting stays, as a layer."""
        for event in self._layer_events:
            event.disconnect(self.follow_layers)
        self._sliders.disconnect(self.follow_plane)
        self._active.disconnect(self._follow_active)
        self._close_bench()
        self.alone.restore()
        waiting = [shown.title for shown in self.keeper.close()]
        if waiting:
            show_warning(
                f"Corrections of {_names(waiting)} are not on disk: open Proofread again, and save "
                "the results to another folder."
            )

    def _close_bench(self) -> None:
        place, painting = self.place, self.painting()
        if place is None:
            return
        self.place = None
        place.tools.close()
        place.mouse.close()
        self._keys.release(*place.bench.own_layers)
        place.bench.close()
        if painting is not None:
            show_warning(f"The painting wasn't finished: it stays as the layer '{painting.name}'.")

    def _take_over(self, shown: ShownPrediction) -> None:
        """Go on with the session of the same prediction whose layers were removed."""
        if shown.kept is not None or shown.session.can_undo:
            return
        for held in self._orphans:
            if held.writes and same_prediction(held.prediction, shown.prediction):
                shown.kept, shown.session = self.keeper.hand_over(held), held.session
                self._orphans.remove(held)
                remove_layers(self._viewer, held)
                redraw(shown)
                return

    def _let_go(self, shown: ShownPrediction) -> None:
        """Close a prediction whose instances layer was removed."""
        if shown is self.shown:
            with self.switching():
                self._close_bench()
        # Predict takes its mark off a layer that it replaces; a user's removal doesn't.
        if shown.corrected and shown.instances.metadata.get(METADATA_KEY):
            self._orphans.append(shown)
            self.orphaned.emit(shown)
        else:
            self.keeper.let_go(shown)


def _removed(event: Any, layer: Any) -> bool:
    """Whether an event of the list of layers tells of this layer's removal."""
    return event is not None and event.type == "removed" and event.value is layer


def _on_disk(shown: ShownPrediction) -> bool:
    return shown.kept is None or shown.kept.n_waiting == 0


def _names(titles: Iterable[str]) -> str:
    return ", ".join(map(repr, titles))
