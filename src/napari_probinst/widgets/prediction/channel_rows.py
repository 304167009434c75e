"""A row for each channel of a model, with the layer that it takes."""

from __future__ import annotations

import math
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from napari_probinst.widgets.elided import ElidedBox
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.path_rows import shrinking_box
from napari_probinst.widgets.plane_in_view import plane_in_view
from napari_probinst.widgets.prediction.channels import (
    ChannelSource,
    channel_sources,
    whole_stacks,
)
from napari_probinst.widgets.prediction.selected_images import suggested_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_probinst.core.config import ChannelConfig

_ABSENT = "absent"
_IN_VIEW, _ALL = "the plane in view", "all {} planes"


class ChannelRows(QWidget):
    """Combo boxes that follow the layers of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose image layers are offered.
    """

    #: The layers that are chosen, or those that can be, are others.
    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        #: Channels of the chosen model.
        self.channels: Sequence[ChannelConfig] = ()
        self._boxes: list[ElidedBox] = []
        #: Whether the user chose channels: they then stay when other layers come.
        self._chosen_by_hand = False
        self._planes: QComboBox | None = None
        self.changed.connect(self._explain)
        self.changed.connect(self._offer_planes)
        self._rows = QFormLayout(self)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._events = [
            getattr(viewer.layers.events, name) for name in ("inserted", "removed", "renamed")
        ]
        # What becomes the active layer is so only after it was inserted.
        self._events.append(viewer.layers.selection.events.active)
        for event in self._events:
            event.connect(self._refresh)

    @property
    def chosen(self) -> tuple[ChannelSource | None, ...]:
        """What is chosen for the channels, in their order."""
        return tuple(box.currentData() for box in self._boxes)

    def planes_of(
        self, sources: Sequence[ChannelSource | None]
    ) -> list[tuple[ChannelSource | None, ...]]:
        """The image of these channels, or each plane of it that is to be predicted."""
        first = next((source for source in sources if source is not None), None)
        if first is None or not first.leading:
            return [tuple(sources)]
        planes = [plane_in_view(self._viewer, first.layer, first.leading_axes)]
        if self._planes is not None and self._planes.currentIndex() > 0:
            planes = list(product(*map(range, first.leading)))
        return [
            tuple(source and source.at(plane[: len(source.leading)]) for source in sources)
            for plane in planes
        ]

    @property
    def image(self) -> Image | None:
        """Layer of the first channel that is there: it names and places the result."""
        return first_layer(self.chosen)

    def set_channels(self, channels: Sequence[ChannelConfig]) -> None:
        """Show other channels."""
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self.channels, self._boxes = channels, []
        self._chosen_by_hand = False
        for channel in channels:
            box = ElidedBox()
            box.setObjectName(f"channel {channel.name}")
            box.setMinimumContentsLength(8)
            box.setPlaceholderText("Choose a layer…")
            box.activated.connect(partial(self._channel_chosen, box))
            self._boxes.append(box)
            self._rows.addRow(channel.name.capitalize(), box)
        self._planes = shrinking_box(
            "planes", "Which planes of a stack (time, z) are predicted, each by itself"
        )
        self._planes.addItems([_IN_VIEW, ""])
        self._rows.addRow("Planes", self._planes)
        self._refresh()

    def stop_watching(self) -> None:
        """Leave the viewer's layers alone from now on."""
        for event in self._events:
            event.disconnect(self._refresh)

    def _refresh(self, _event: Any = None) -> None:
        """Offer the layers there are; what was chosen stays chosen."""
        split = channel_sources(list(self._viewer.layers), len(self.channels))
        sources = [*split, *whole_stacks(split)]
        before = self.chosen
        suggested = suggested_image(
            self._viewer.layers, self.channels, self._active_image(), before
        )
        keep = self._chosen_by_hand and any(source in sources for source in before)
        for number, (box, channel) in enumerate(zip(self._boxes, self.channels, strict=True)):
            wanted = before[number] if keep else suggested[number]
            box.clear()
            if not channel.required:
                box.add_name(_ABSENT, None)
            for source in sources:
                stack = source not in split
                box.add_name(f"{source.label}, plane by plane" if stack else source.label, source)
            if wanted in sources:
                box.setCurrentIndex(sources.index(wanted) + (not channel.required))
            else:
                # Nothing, for a channel that is needed: any layer would be a guess.
                box.setCurrentIndex(-1 if channel.required else 0)
        self.changed.emit()

    def _explain(self) -> None:
        """Tell what the boxes are for, and the whole name that is chosen."""
        for box, channel in zip(self._boxes, self.channels, strict=True):
            needed = "needed" if channel.required else "may be absent"
            meaning = f"Image layer of the channel '{channel.name}' ({needed})"
            box.setToolTip("\n".join(filter(None, (box.currentText(), meaning))))

    def _offer_planes(self) -> None:
        """Ask which planes are wanted where the chosen image has several."""
        if self._planes is None:
            return
        first = next((source for source in self.chosen if source is not None), None)
        leading = () if first is None else first.leading
        self._planes.setItemText(1, _ALL.format(math.prod(leading)))
        for widget in (self._planes, self._rows.labelForField(self._planes)):
            if widget is not None:
                widget.setVisible(bool(leading))

    def _active_image(self) -> Any:
        """Layer that the user works on; of a result, the image that it was made from."""
        active = self._viewer.layers.selection.active
        shown = None if active is None else active.metadata.get(METADATA_KEY, {}).get("shown")
        return active if shown is None else shown.image

    def _channel_chosen(self, box: ElidedBox, _index: int) -> None:
        self._chosen_by_hand = True
        self._agree_with(box.currentData())
        self.changed.emit()

    def _agree_with(self, chosen: ChannelSource | None) -> None:
        """Leave out the channels of a layer that was chosen as a whole, or the other way round."""
        for box, channel in zip(self._boxes, self.channels, strict=True):
            source = box.currentData()
            if chosen is None or source is None or source.layer is not chosen.layer:
                continue
            if (source.axis is None) != (chosen.axis is None):
                box.setCurrentIndex(-1 if channel.required else 0)


def first_layer(sources: Sequence[ChannelSource | None]) -> Image | None:
    """Layer of the first channel that an image has."""
    return next((source.layer for source in sources if source is not None), None)


def plane_of_image(sources: Sequence[ChannelSource | None]) -> tuple[int, ...]:
    """Which plane of a stack an image is; empty where it is no part of one."""
    return next((source.plane for source in sources if source is not None), ())
