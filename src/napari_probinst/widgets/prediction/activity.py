"""The queue in napari's activity dock: bars of its images, their draws, and the draws' tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress
from qtpy.QtWidgets import QApplication, QProgressBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.widgets.prediction.events import Progress


class ActivityBars:
    """Nested bars of a queue that runs; used in the thread of the windows.

    The bars of draws and tiles are begun anew for each image, and all are removed together.

    Parameters
    ----------
    names : sequence of str
        Names of the images; of a single one there is no bar but those of its draws and tiles.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._index = -1
        self._images: progress | None = None
        self._draws: progress | None = None
        self._tiles: progress | None = None
        if len(names) > 1:
            self._images = progress(total=len(names), desc=f"Predicting {len(names)} images")

    def show(self, state: Progress) -> None:
        """Move the bars on."""
        if self._draws is None:
            self._draws = progress(total=state.n_draws, nest_under=self._images)
        if self._index != state.index:
            self._index = state.index
            self._draws.set_description(f"Draws of {self._names[state.index]}")
        _move(self._draws, state.draws, state.n_draws)
        if self._tiles is None and state.n_tiles > 1:
            self._tiles = progress(total=state.n_tiles, desc="Tiles", nest_under=self._draws)
        if self._tiles is not None:
            _move(self._tiles, state.tiles, state.n_tiles)

    def end_image(self) -> None:
        """Count an image that has come to an end."""
        if self._images is not None:
            self._images.update(1)

    def close(self) -> None:
        """Remove the bars."""
        bars = [bar for bar in (self._tiles, self._draws, self._images) if bar is not None]
        _delete_first(bars)
        for bar in bars:
            bar.close()
        self._images = self._draws = self._tiles = None


def _move(bar: progress, done: int, total: int) -> None:
    begins_anew = done < bar.n
    if begins_anew:
        bar.reset(total=total)
    elif bar.total != total:
        bar.total = total
    # Each update lets Qt paint at once.
    if begins_anew or bar.n != done:
        bar.update(done - bar.n)


def _delete_first(bars: Sequence[progress]) -> None:
    """Have Qt delete the widgets of bars before the group that napari nests them in.

    While the activity dock is hidden, napari 0.9.2 takes no bar for visible and deletes the group
    with the first of its bars, the others still inside; looking for bars in it meanwhile ends
    the process under PyQt6. Qt deletes in the order in which it was asked to.
    """
    for widget in QApplication.allWidgets():
        row = widget.parentWidget() if isinstance(widget, QProgressBar) else None
        shown = getattr(row, "progress", None)
        # Not by `in`: bars compare by their places in the terminal.
        if row is not None and any(shown is bar for bar in bars):
            row.deleteLater()
