"""What came of a run: counts, time stage by stage, and the files about all of its images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from napari_probinst.core.batch.job import Outcome, Seconds
from napari_probinst.core.data.coco import write_coco
from napari_probinst.core.data.naming import COCO_NAME
from napari_probinst.core.inference.image_ranking import IMAGES_NAME, rank_images, write_images

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.batch.job import Status
    from napari_probinst.core.inference.image_ranking import ImageUncertainty


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Outcomes of all images of a run.

    Parameters
    ----------
    outcomes : tuple of Outcome
        In the order of the images, whatever the order in which they were finished.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def good(self) -> tuple[Outcome, ...]:
        """Images with results, made now or before."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "refused")

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Images without results."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "refused")

    def count(self, status: Status) -> int:
        """Number of images of a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def seconds(self) -> Seconds:
        """Time of all images together; of several processes at once, more than has passed."""
        return reduce(add, (outcome.seconds for outcome in self.outcomes), Seconds())

    def ranked(self) -> list[ImageUncertainty]:
        """Images with results, most uncertain first."""
        return rank_images(
            outcome.uncertainty for outcome in self.good if outcome.uncertainty is not None
        )

    def write_coco(self, folder: Path) -> Path:
        """Write the COCO data set of all images with results, and return its path."""
        path = folder / COCO_NAME
        write_coco([outcome.record for outcome in self.good if outcome.record is not None], path)
        return path

    def write_table(self, folder: Path) -> Path:
        """Write the table of images, most uncertain first, and return its path."""
        path = folder / IMAGES_NAME
        write_images(self.ranked(), path)
        return path
