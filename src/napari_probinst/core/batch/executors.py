"""Where the images of a run are predicted: the results are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from napari_probinst.core.batch.predicting import predict_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.batch.job import Job, Outcomes
    from napari_probinst.core.batch.predicting import OnTile
    from napari_probinst.core.data.io import ImageSource


class Executor(Protocol):
    """Predicts the images of a run."""

    def run(self, job: Job, sources: Sequence[ImageSource]) -> Outcomes:
        """Predict all images, in any order.

        Parameters
        ----------
        job : Job
            How.
        sources : sequence of ImageSource
            The images.

        Yields
        ------
        int, Outcome
            Index of an image among ``sources``, and what came of it, as soon as it is known.

        Raises
        ------
        ProbinstError
            If no image can be predicted there.

        Notes
        -----
        Closing the iterator ends the run: what is not finished is given up.
        """
        ...


@dataclass(frozen=True, slots=True)
class ThisProcess:
    """One image after the other, in the order given.

    Parameters
    ----------
    on_tile : OnTile, optional
        Told after each tile of an image.
    """

    on_tile: OnTile | None = None

    def run(self, job: Job, sources: Sequence[ImageSource]) -> Outcomes:
        """Predict all images; see `Executor.run`."""
        yield from enumerate(predict_images(job, sources, self.on_tile))
