"""What a queue of images tells about itself while it runs in another thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from napari_probinst.core.inference.scale import Misfit
    from napari_probinst.core.prediction import Prediction
    from napari_probinst.widgets.prediction.glimpse import Glimpse

Ending = Literal["done", "finished before", "refused", "cancelled"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an image is.

    Parameters
    ----------
    index : int
        Its place in the queue.
    draws : int
        Draws that are done.
    n_draws : int
        Draws in all.
    tiles : int, default 0
        Tiles of the draw under way that are done.
    n_tiles : int, default 1
        Tiles of a draw.
    found : int, optional
        Instances that the draws so far agree on, as far as that was looked at.
    """

    index: int
    draws: int
    n_draws: int
    tiles: int = 0
    n_tiles: int = 1
    found: int | None = None

    @property
    def share(self) -> float:
        """Share of the image that is done, 0 to 1."""
        return min((self.draws + self.tiles / self.n_tiles) / self.n_draws, 1.0)

    @property
    def words(self) -> str:
        """What is under way, e.g. "draw 3 of 8, tile 2 of 9; 31 instances so far"."""
        if self.draws == self.n_draws:
            return "putting the draws together"
        text = f"draw {self.draws + 1} of {self.n_draws}"
        if self.n_tiles > 1:
            text += f", tile {min(self.tiles + 1, self.n_tiles)} of {self.n_tiles}"
        if self.found is not None:
            text += f"; {self.found} instance{'s' * (self.found != 1)} so far"
        return text


@dataclass(frozen=True, slots=True)
class Noted:
    """A sentence about an image, e.g. that memory ran out and the work goes on more slowly."""

    index: int
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Sharpened:
    """What the draws so far agree on; told where that takes little of the time.

    Parameters
    ----------
    index : int
        Place of the image in the queue.
    seen : Glimpse
        What it is.
    """

    index: int
    seen: Glimpse


@dataclass(frozen=True, slots=True, eq=False)
class Ended:
    """What came of an image.

    Parameters
    ----------
    index : int
        Its place in the queue.
    ending : "done", "finished before", "refused" or "cancelled"
        What came of it.
    text : str, default ""
        Sentence that says why it was refused, what was found, or what is odd about it.
    prediction : Prediction, optional
        To be shown; None where it was written to files.
    misfit : Misfit, optional
        If what was found is of another width than the model knows.
    """

    index: int
    ending: Ending
    text: str = ""
    prediction: Prediction | None = None
    misfit: Misfit | None = None


Event: TypeAlias = "Progress | Noted | Sharpened | Ended"


class Talk(Protocol):
    """The way between a queue that runs and those who started it."""

    def tell(self, event: Event) -> None:
        """Tell what happened."""
        ...

    def is_cancelled(self, index: int) -> bool:
        """Whether somebody wants to have this image cancelled, or all."""
        ...

    def check(self, index: int) -> None:
        """Give up an image that was cancelled.

        Raises
        ------
        CancelledError
            If it was.
        """
        ...


class ImageQueue(Protocol):
    """Images that are predicted one after the other, in a thread of their own."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images, in their order."""
        ...

    def run(self, talk: Talk) -> None:
        """Predict all images, and tell `Ended` of each.

        Raises
        ------
        ProbinstError
            If no image can be predicted, e.g. for the lack of a model.
        """
        ...
