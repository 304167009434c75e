"""What came of a run: counts, time stage by stage, and the files about all images of its folder."""

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

    from napari_probinst.core.batch.job import Job, Status
    from napari_probinst.core.inference.image_ranking import ImageUncertainty


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Outcomes of all images of a run.

    Parameters
    ----------
    outcomes : tuple of Outcome
        In the order of the images, whatever the order in which they were finished.
    earlier : tuple of Outcome, default ()
        Of other images in the same folder, which the same models and settings made before: the
        files are about them, too; counts and times are not.
    """

    outcomes: tuple[Outcome, ...]
    earlier: tuple[Outcome, ...] = ()

    @property
    def good(self) -> tuple[Outcome, ...]:
        """Images with results, made now or before."""
        return tuple(outcome for outcome in self.outcomes if outcome.status != "refused")

    @property
    def refused(self) -> tuple[Outcome, ...]:
        """Images without results."""
        return tuple(outcome for outcome in self.outcomes if outcome.status == "refused")

    @property
    def finished(self) -> tuple[Outcome, ...]:
        """All images of the folder with results, by name: in the same order for any runs."""
        return tuple(sorted((*self.good, *self.earlier), key=lambda outcome: outcome.name))

    def count(self, status: Status) -> int:
        """Number of images of a status."""
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def seconds(self) -> Seconds:
        """Time of all images together; of several processes at once, more than has passed."""
        return reduce(add, (outcome.seconds for outcome in self.outcomes), Seconds())

    def ranked(self) -> list[ImageUncertainty]:
        """Images of the folder with results, most uncertain first."""
        return rank_images(
            outcome.uncertainty for outcome in self.finished if outcome.uncertainty is not None
        )

    def write_coco(self, job: Job) -> Path:
        """Write the COCO data set of all images with results, and return its path."""
        path = job.folder / COCO_NAME
        records = [outcome.record for outcome in self.finished if outcome.record is not None]
        write_coco(records, path, job.stamp)
        return path

    def write_table(self, folder: Path) -> Path:
        """Write the table of images, most uncertain first, and return its path."""
        path = folder / IMAGES_NAME
        write_images(self.ranked(), path)
        return path
