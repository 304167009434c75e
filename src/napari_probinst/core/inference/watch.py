"""Who hears how far a prediction is, and who may end it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.errors import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Watch:
    """Counts the draws of one image, tells of each, and ends the work where somebody asks for it.

    Parameters
    ----------
    name : str
        Name of the image.
    n_draws : int
        Draws in all.
    on_draw, on_tile, cancelled : callable, optional
        As for `Predictor.predict`.
    """

    name: str
    n_draws: int
    on_draw: Callable[[int, int], None] | None = None
    on_tile: Callable[[int, int], None] | None = None
    cancelled: Callable[[], bool] | None = None
    _done: int = 0

    def end_tile(self, done: int, n_tiles: int) -> None:
        """Take note that ``done`` of ``n_tiles`` tiles of the draw under way are done.

        Raises
        ------
        CancelledError
            If somebody asked for it; after the last tile the draw is finished first.
        """
        if self.on_tile is not None:
            self.on_tile(done, n_tiles)
        if done < n_tiles:
            self._check()

    def end_draw(self) -> None:
        """Take note that another draw is done.

        Raises
        ------
        CancelledError
            If somebody asked for it.
        """
        self._done += 1
        if self.on_draw is not None:
            self.on_draw(self._done, self.n_draws)
        self._check()

    def _check(self) -> None:
        if self.cancelled is not None and self.cancelled():
            raise CancelledError(
                f"Stopped after {self._done} of {self.n_draws} draws of {self.name}."
            )
