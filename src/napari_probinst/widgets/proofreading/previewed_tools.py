"""Tools that show what they would do: split by points, split into parts, give an overlap to one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.edits import GiveOverlap, SplitBySeeds, SplitIntoParts
from napari_probinst.core.curation.splits import MOST_PARTS
from napari_probinst.widgets.proofreading.preview import EditPreview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.curation.edits import Edit
    from napari_probinst.widgets.proofreading.workbench import Workbench

#: A click this near to a point takes it away again, pixels.
_NEAR = 2


class PreviewedTool(ABC):
    """Clicks say what is meant, the preview what it comes to, Finish makes it."""

    #: Name of the action.
    name: str
    #: What to do.
    instruction: str

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._preview = EditPreview(bench)
        self.layer = self._preview.layer
        self._refusal = ""

    @property
    def banner(self) -> str:
        """What to do, and why it can't be done as it is."""
        return f"{self.instruction}. {self._refusal}" if self._refusal else self.instruction

    @property
    def points(self) -> tuple[tuple[int, int], ...]:
        """Pixels (y, x) to mark."""
        return ()

    @abstractmethod
    def edit(self) -> Edit | None:
        """Make an edit of what was said so far; None if more is needed."""

    @abstractmethod
    def clicked(self, pixel: tuple[int, int]) -> None:
        """Take a click."""

    def start(self) -> None:
        """Show the preview and a pointing hand."""
        self._bench.show_scratch(self.layer)
        self._bench.shown.instances.cursor = "pointing"
        self.update()

    def stop(self) -> None:
        """Hide the preview, and give the cursor back."""
        self._bench.shown.instances.cursor = "standard"
        self.layer.visible = False
        self._preview.show(None)

    def update(self) -> None:
        """Show anew what the edit would be."""
        self._refusal = self._preview.show(self.edit(), self.points)
        self._bench.changed.emit()

    def dragged(self, position: Sequence[float]) -> None:  # noqa: B027 - it has no use for it
        """Leave drags to the camera."""

    def released(self, pixel: tuple[int, int] | None, *, clicked: bool) -> bool:
        """Take a click; only Finish completes the edit."""
        if clicked and pixel is not None:
            self.clicked(pixel)
            self.update()
        return False

    def confirm(self) -> bool:
        """Make the edit."""
        edit = self.edit()
        if edit is None:
            show_warning(f"{self.instruction}.")
            return False
        return self._bench.apply(edit)

    def unfinished(self) -> bool:
        """Return False: what was clicked is quickly clicked again."""
        return False


class PointsTool(PreviewedTool):
    """Click a point on each part of one instance."""

    name = "split_points"
    instruction = "SPLIT: click a point on each part, then Finish"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._points: list[tuple[int, int]] = []

    @property
    def points(self) -> tuple[tuple[int, int], ...]:
        """Points that were clicked."""
        return tuple(self._points)

    def edit(self) -> Edit | None:
        """Split by the points; one is not enough."""
        current = self._bench.current
        if current is None or len(self._points) < 2:
            return None
        return SplitBySeeds(current, self.points)

    def clicked(self, pixel: tuple[int, int]) -> None:
        """Add a point, or take one away; the first one may choose another instance."""
        bench = self._bench
        near = [point for point in self._points if _distance(point, pixel) <= _NEAR]
        here = bench.session.instances_at(*pixel)
        if near:
            self._points.remove(near[0])
        elif bench.current in here:
            self._points.append(pixel)
        elif here and not self._points:
            bench.select(here[:1], by_hand=True)
            self._points.append(pixel)
        else:
            what = "an instance" if bench.current is None else f"instance {bench.current}"
            show_warning(f"This is not on {what}: click a point on each of its parts.")


class PartsTool(PreviewedTool):
    """Say how many an instance is."""

    name = "split_parts"
    instruction = "SPLIT: say how many the selected instance is, then Finish"
    #: Fewest and most parts.
    bounds = (2, MOST_PARTS)

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._number = self.bounds[0]

    @property
    def number(self) -> int:
        """Number of parts; setting it shows them."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number
        self.update()

    def edit(self) -> Edit | None:
        """Split the current instance."""
        current = self._bench.current
        return None if current is None else SplitIntoParts(current, self._number)

    def clicked(self, pixel: tuple[int, int]) -> None:
        """Choose the instance."""
        self._bench.cycle(pixel, extend=False)


class OwnerTool(PreviewedTool):
    """Click where instances overlap until the one is selected that keeps the pixels."""

    name = "overlap_one"
    instruction = "OVERLAP: click it until its only owner is selected, then Finish"

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._pixel: tuple[int, int] | None = None

    def edit(self) -> Edit | None:
        """Give the overlap that was clicked, or the only one there is, to the current instance."""
        current = self._bench.current
        if current is None:
            return None
        session = self._bench.session
        if self._pixel is not None:
            ids = session.instances_at(*self._pixel)
        else:
            instance = session.instances[current]
            ids = tuple(
                other
                for other in session.instances_within(instance.bbox)
                if session.instances[other].intersection(instance)
            )
            if len(ids) > 2:
                return None
        return GiveOverlap(ids, (current,)) if len(ids) > 1 and current in ids else None

    def clicked(self, pixel: tuple[int, int]) -> None:
        """Choose the overlap, and of its instances the next one."""
        self._pixel = pixel
        self._bench.cycle(pixel, extend=False)


def _distance(one: tuple[int, int], other: tuple[int, int]) -> int:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1]))
