"""A prediction as files that other programs read: label image, maps, table, stacks.

They are derived from the native prediction file and lose part of it; nothing is read back.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.coco import CocoImage
from napari_probinst.core.data.flattening import (
    FLATTEN_RULE,
    export_rule,
    exported_instances,
    flatten,
)
from napari_probinst.core.data.naming import (
    COUNTS_SUFFIX,
    ENTROPY_SUFFIX,
    INSTANCES_SUFFIX,
    LABELS_SUFFIX,
    PEAKS_SUFFIX,
    PROBABILITY_SUFFIX,
)
from napari_probinst.core.data.pages import write_pages
from napari_probinst.core.data.spreadsheet import as_text
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.prediction import Prediction

#: A page, or what makes it.
Page: TypeAlias = "NDArray[np.float32] | Callable[[], NDArray[np.float32]]"
#: Largest stack that is written, bytes of pixels.
STACK_LIMIT = 4 * 10**9

PEAK_COLUMNS = (
    "image",
    "rank",
    "y",
    "x",
    "entropy",
    "score",
    "mass",
    "instances",
    "kind",
    "reason",
)


def coco_image(
    prediction: Prediction, file_name: str, scores: NDArray[np.floating[Any]]
) -> CocoImage:
    """Gather the exported instances of a prediction as an image of a COCO data set.

    Parameters
    ----------
    prediction : Prediction
        Result for one image.
    file_name : str
        File name of the image.
    scores : ndarray of float, shape (n_instances,)
        Confidence of **all** instances of the prediction, 0 to 1.

    Raises
    ------
    ValueError
        If there is not one score for each instance.
    """
    if len(scores) != len(prediction.instances):
        raise ValueError(f"{len(scores)} scores for {len(prediction.instances)} instances")
    exported = exported_instances(prediction)
    return CocoImage(
        file_name=file_name,
        shape=prediction.shape,
        instances=tuple(exported.values()),
        scores=tuple(float(scores[index]) for index in exported),
        labels=tuple(index + 1 for index in exported),
    )


def export_prediction(
    prediction: Prediction,
    folder: Path,
    *,
    probability: Page,
    entropy: Page,
    stacks: bool = False,
) -> int:
    """Write the label image, both maps, the table of peaks and, if asked for, the stacks.

    Parameters
    ----------
    prediction : Prediction
        Result for one image, NAME.
    folder : Path
        Where ``NAME.labels.tif`` and the others go; it is created if need be.
    probability, entropy : ndarray of float32, shape (height, width), or callable
        Image-wide maximum over instances: probability, 0 to 1, and entropy, nats, 0 to ln 2. A
        callable makes the page when its turn comes, so that one at a time is in memory.
    stacks : bool, default False
        Also write ``NAME.instances.tif`` and ``NAME.counts.tif``.

    Returns
    -------
    int
        Pixels that belong to more than one instance, and so to just one of them in the labels.

    Raises
    ------
    OutputError
        If a file can't be written, or the stacks would exceed 4 GB (then nothing is written).
    """
    if stacks:
        check_stack_sizes(prediction)
    make_folder(folder)
    name = prediction.name
    n_overlap = write_labels(prediction, folder / f"{name}{LABELS_SUFFIX}")
    for page, suffix, unit in (
        (probability, PROBABILITY_SUFFIX, "probability, 0 to 1"),
        (entropy, ENTROPY_SUFFIX, "nats, 0 to ln 2"),
    ):
        description = {"content": "maximum over instances", "unit": unit}
        pages = (np.asarray(each() if callable(each) else each, np.float32) for each in (page,))
        _write_pages(folder / f"{name}{suffix}", pages, prediction, description)
    write_peaks([prediction], folder / f"{name}{PEAKS_SUFFIX}")
    if stacks:
        write_stacks(prediction, folder)
    return n_overlap


def write_labels(prediction: Prediction, path: Path) -> int:
    """Write the flattened label image; the number of overlap pixels is returned and stored."""
    flat = flatten(prediction)
    description = {"rule": FLATTEN_RULE, "n_overlap_pixels": flat.n_overlap}
    _write_pages(path, [flat.labels], prediction, description)
    return flat.n_overlap


def write_peaks(predictions: Iterable[Prediction], path: Path) -> None:
    """Write the peaks of one or more images as CSV, the columns being `PEAK_COLUMNS`.

    ``y`` and ``x`` are the patch's top left pixel; ``entropy`` (nats) and ``mass`` (nats) are
    the peak's own; ``score`` is the one of them that ranks, and so is comparable across images;
    ``instances`` are values of the label image, separated by spaces. What a spreadsheet would take
    for a formula is marked as text (`as_text`), here and in the other tables.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(PEAK_COLUMNS)
    for prediction in predictions:
        for peak in prediction.peaks:
            score = peak.mass if prediction.settings.ranking == "mass" else peak.entropy
            numbers = [f"{value:.9g}" for value in (peak.entropy, score, peak.mass)]
            labels = " ".join(str(index + 1) for index in peak.instances)
            place = (as_text(prediction.name), peak.rank, peak.y, peak.x)
            texts = (as_text(peak.kind), as_text(peak.reason))
            writer.writerow([*place, *numbers, labels, *texts])
    with atomic_file(path) as file:
        file.write(text.getvalue().encode())


def check_stack_sizes(prediction: Prediction) -> None:
    """Refuse stacks of more than `STACK_LIMIT` bytes.

    Raises
    ------
    OutputError
        If one page an instance would take more.
    """
    height, width = prediction.shape
    n_bytes = len(prediction.instances) * height * width
    if n_bytes > STACK_LIMIT:
        raise OutputError(
            f"{prediction.name}{COUNTS_SUFFIX} would hold {len(prediction.instances)} pages of "
            f"{height} x {width} pixels, {n_bytes / 1e9:.1f} GB and more than 4 GB; leave out "
            "the stacks, the native prediction holds the same."
        )


def write_stacks(prediction: Prediction, folder: Path) -> None:
    """Write ``NAME.instances.tif`` and ``NAME.counts.tif``, one page an instance.

    The first holds the exported binary masks (0 and 255), the second the counts of all
    instances, also the unlikely ones (0 to ``n_draws``); both are uint8. No instance gives one
    empty page. The image description is JSON with ``n_draws``, ``threshold``, ``min_size`` and
    ``n_instances``, and with the ``labels`` of the pages.

    Raises
    ------
    OutputError
        If a stack would exceed 4 GB, or can't be written.
    """
    check_stack_sizes(prediction)
    exported = exported_instances(prediction)
    shape = prediction.shape
    masks = (
        _page(instance.bbox, instance.mask * np.uint8(255), shape) for instance in exported.values()
    )
    everything = prediction.instances.instances
    counts = (_page(instance.bbox, instance.counts, shape) for instance in everything)
    for suffix, pages, indices in (
        (INSTANCES_SUFFIX, masks, list(exported)),
        (COUNTS_SUFFIX, counts, list(range(len(everything)))),
    ):
        description: dict[str, Any] = {
            "n_instances": len(indices),
            "labels": [index + 1 for index in indices],
        }
        if not indices:
            description["note"] = "no instances: this single page is empty"
        path = folder / f"{prediction.name}{suffix}"
        _write_pages(
            path, pages if indices else [np.zeros(shape, np.uint8)], prediction, description
        )


def _page(
    bbox: tuple[int, int, int, int], crop: NDArray[np.uint8], shape: Shape
) -> NDArray[np.uint8]:
    page = np.zeros(shape, dtype=np.uint8)
    page[bbox[0] : bbox[2], bbox[1] : bbox[3]] = crop
    return page


def _write_pages(
    path: Path,
    pages: Iterable[NDArray[Any]],
    prediction: Prediction,
    description: dict[str, Any],
) -> None:
    """Write pages with the prediction's settings in their description."""
    write_pages(path, pages, {**export_rule(prediction), **description}, prediction.pixel_size)
