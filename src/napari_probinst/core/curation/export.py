"""A prediction or a session in the formats of other programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_probinst.core.curation.audit import AUDIT_SUFFIX, write_audit
from napari_probinst.core.curation.exported_session import mean_probability
from napari_probinst.core.curation.instance_table import write_instance_table
from napari_probinst.core.data.coco import write_coco
from napari_probinst.core.data.exported import (
    ExportedImage,
    ExportedInstance,
    as_coco,
    write_instance_stack,
    write_label_image,
)
from napari_probinst.core.data.flattening import (
    FLATTEN_RULE,
    export_rule,
    exported_instances,
    flatten,
)
from napari_probinst.core.data.naming import INSTANCES_SUFFIX, LABELS_SUFFIX
from napari_probinst.core.data.ome_zarr import write_ome_zarr
from napari_probinst.core.data.rois import write_rois
from napari_probinst.core.errors import OutputError
from napari_probinst.core.inference.entropy import confidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.prediction import Prediction

#: What a format is written from.
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ExportFormat(Generic[T]):
    """A kind of file.

    Parameters
    ----------
    suffix : str
        What follows the image's name where the user names a folder.
    endings : tuple of str
        How a file that the user names may end.
    write : callable
        Writes an image, or a session, to a path; raises OutputError.
    keeps_overlaps : bool
        Whether a pixel can belong to several instances in it.
    """

    suffix: str
    endings: tuple[str, ...]
    write: Callable[[T, Path], None]
    keeps_overlaps: bool = True

    def path(self, output: Path, name: str) -> Path:
        """File that ``output`` stands for, which is that file, or a folder to put it into.

        Raises
        ------
        OutputError
            If it is neither.
        """
        if output.name.lower().endswith(self.endings):
            return output
        if output.is_dir():
            return output / f"{name}{self.suffix}"
        raise OutputError(
            f"{output} is neither a folder nor does it end in {self.endings[0]}: name a folder "
            "that exists, or give the file that ending."
        )


def _write_coco(image: ExportedImage, path: Path) -> None:
    write_coco([as_coco(image, f"{image.name}.tif")], path)


#: What an image's instances can be written as, by the name that the command line knows.
FORMATS: Mapping[str, ExportFormat[ExportedImage]] = {
    "stack": ExportFormat(INSTANCES_SUFFIX, (".tif", ".tiff"), write_instance_stack),
    "labels": ExportFormat(
        LABELS_SUFFIX, (".tif", ".tiff"), write_label_image, keeps_overlaps=False
    ),
    "coco": ExportFormat(".json", (".json",), _write_coco),
    "imagej-roi-zip": ExportFormat(".rois.zip", (".zip",), write_rois),
    "ome-zarr": ExportFormat(".ome.zarr", (".zarr",), write_ome_zarr),
    "csv": ExportFormat(".instances.csv", (".csv",), write_instance_table),
}
#: What tells of the corrections themselves: a prediction alone has none.
SESSION_FORMATS: Mapping[str, ExportFormat[CurationSession]] = {
    "audit": ExportFormat(AUDIT_SUFFIX, (".csv",), write_audit),
}


def predicted_instances(prediction: Prediction) -> tuple[ExportedInstance, ...]:
    """Instances of a prediction that are worth exporting; an id is the index + 1."""
    scores = confidence(prediction.instances)
    return tuple(
        ExportedInstance(
            index + 1,
            instance,
            "predicted",
            mean_probability(prediction, index),
            float(scores[index]),
        )
        for index, instance in exported_instances(prediction).items()
    )


def of_prediction(prediction: Prediction) -> ExportedImage:
    """All that exports need to know of a prediction; see `predicted_instances`."""
    return ExportedImage(
        name=prediction.name,
        shape=prediction.shape,
        instances=predicted_instances(prediction),
        flat=flatten(prediction),
        rule=FLATTEN_RULE,
        curated=False,
        pixel_size=prediction.pixel_size,
        settings=export_rule(prediction),
    )
