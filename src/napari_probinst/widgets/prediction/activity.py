"""The queue in napari's activity dock: a bar of its images, and below it one of the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.utils import progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.widgets.prediction.events import Progress


class ActivityBars:
    """Bars of a queue that runs; used in the thread of the windows.

    Parameters
    ----------
    names : sequence of str
        Names of the images; of a single one there is no bar but that of its draws.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._images = (
            progress(total=len(names), desc=f"Predicting {len(names)} images")
            if len(names) > 1
            else None
        )
        self._draws: progress | None = None
        self._index = -1

    def show(self, state: Progress) -> None:
        """Move the bars on."""
        if self._draws is None or self._index != state.index:
            self._close_draws()
            self._index = state.index
            # Not `nest_under` the other: napari 0.9.2 deletes the group of nested bars with one of
            # them still inside, and looking for bars in it meanwhile ends the process under PyQt6.
            self._draws = progress(
                total=state.n_draws, desc=f"Predicting {self._names[state.index]}"
            )
        # Each update lets Qt paint at once: not for every tile.
        if state.draws != self._draws.n:
            self._draws.update(state.draws - self._draws.n)

    def end_image(self) -> None:
        """Count an image that has come to an end."""
        self._close_draws()
        if self._images is not None:
            self._images.update(1)

    def close(self) -> None:
        """Remove the bars."""
        self._close_draws()
        if self._images is not None:
            self._images.close()
            self._images = None

    def _close_draws(self) -> None:
        if self._draws is not None:
            self._draws.close()
            self._draws = None
