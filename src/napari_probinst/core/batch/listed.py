"""What the files about a folder of results say of its images: read again instead of made again."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.data.coco import CocoEntry
from napari_probinst.core.data.naming import COCO_NAME, PREDICTION_SUFFIX
from napari_probinst.core.data.spreadsheet import as_text
from napari_probinst.core.inference.image_ranking import IMAGES_NAME, ImageUncertainty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_probinst.core.batch.job import Job


@dataclass(frozen=True, slots=True)
class ListedImages:
    """Images in ``predictions.json`` and ``images.csv``, if a job's models and settings made them.

    To load a prediction takes a tenth of a second and more: a run must not do so with all that a
    thousand runs before it have made.

    Parameters
    ----------
    entries : mapping of str to CocoEntry
        By file name.
    rows : mapping of str to ImageUncertainty
        By name, as the table has it.
    written : int
        When the older of the two files was written, ns.
    """

    entries: Mapping[str, CocoEntry] = field(default_factory=dict)
    rows: Mapping[str, ImageUncertainty] = field(default_factory=dict)
    written: int = 0

    @classmethod
    def of(cls, job: Job) -> ListedImages:
        """Read both files; what isn't there, or is of another job, lists nothing."""
        data, table = job.folder / COCO_NAME, job.folder / IMAGES_NAME
        try:
            written = min(path.stat().st_mtime_ns for path in (data, table))
            content = json.loads(data.read_bytes())
            if content["info"].get("made_by") != job.stamp:
                return cls()
            return cls(_entries(content), _rows(table), written)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def outcome(self, name: str, file_name: str, folder: Path) -> Outcome | None:
        """Outcome of an image, unless its prediction is newer than what is said of it."""
        entry, row = self.entries.get(file_name), self.rows.get(as_text(name))
        if entry is None or row is None:
            return None
        if (folder / f"{name}{PREDICTION_SUFFIX}").stat().st_mtime_ns >= self.written:
            return None
        return Outcome(
            name=name,
            status="finished before",
            record=entry,
            uncertainty=replace(row, image=name),
        )


def _entries(content: dict[str, Any]) -> dict[str, CocoEntry]:
    annotations: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        annotations[annotation["image_id"]].append(annotation)
    return {
        image["file_name"]: CocoEntry(
            image["file_name"], (image["height"], image["width"]), tuple(annotations[image["id"]])
        )
        for image in content["images"]
    }


def _rows(path: Path) -> dict[str, ImageUncertainty]:
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["image"]: ImageUncertainty(
                image=row["image"],
                n_instances=int(row["instances"]),
                n_peaks=int(row["peaks"]),
                entropy=float(row["entropy"]),
                mean_entropy=float(row["mean_entropy"]),
            )
            for row in csv.DictReader(file)
        }
