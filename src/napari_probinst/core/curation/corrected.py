"""Save corrected instances beside their prediction, which stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.curation.corrected_file import load_corrected, write_corrected
from napari_probinst.core.curation.journal import to_lines
from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.coco import CocoImage, write_coco
from napari_probinst.core.data.exports import STACK_LIMIT
from napari_probinst.core.data.flattening import label_type
from napari_probinst.core.data.naming import INSTANCES_SUFFIX, LABELS_SUFFIX, is_file_name
from napari_probinst.core.data.pages import write_pages
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.curation.session import CurationSession

__all__ = [
    "CORRECTED_RULE",
    "flatten_corrected",
    "load_corrected",
    "save_corrected",
    "write_instance_stack",
]

CORRECTED_RULE = (
    "A pixel of several instances goes to the one with the lowest id; a label is an id."
)


def save_corrected(
    session: CurationSession,
    folder: str | Path,
    name: str | None = None,
    *,
    file_name: str | None = None,
) -> list[Path]:
    """Write the corrected instances as ``NAME.corrected.*``, and take the session as saved.

    ``.npz`` is the native file (`load_corrected`); ``.instances.tif`` a stack of masks, which is
    training data as it is (``instances/NAME.tif``); ``.labels.tif`` a label image
    (`CORRECTED_RULE`); ``.json`` a COCO data set with score 1.0 and ``"curated": true``;
    ``.journal.jsonl`` all edits and decisions. Each file is complete under its name, or not there.

    Parameters
    ----------
    session : CurationSession
        What to save.
    folder : str or Path
        Where to; created if need be.
    name : str, optional
        NAME; the prediction's by default.
    file_name : str, optional
        File name of the image in the COCO data set; ``NAME.tif`` by default.

    Returns
    -------
    list of Path
        The files written; without the stack where that would exceed 4 GB.

    Raises
    ------
    OutputError
        If a file can't be written, or the name can't be part of a file name.
    """
    folder, name = Path(folder), session.prediction.name if name is None else name
    if not is_file_name(name):
        raise OutputError(
            f"The image name {name!r} can't be part of a file name: rename the image."
        )
    make_folder(folder)
    start = f"{name}.corrected"
    native, labels = folder / f"{start}.npz", folder / f"{start}{LABELS_SUFFIX}"
    coco, journal = folder / f"{start}.json", folder / f"{start}.journal.jsonl"
    write_corrected(session, native)
    _write_labels(session, labels)
    write_coco([_coco_image(session, file_name or f"{name}.tif")], coco)
    with atomic_file(journal) as file:
        file.write(to_lines(session.header, session.records).encode())
    written = [native, labels, coco, journal]
    if len(session.instances) * session.shape[0] * session.shape[1] <= STACK_LIMIT:
        stack = folder / f"{start}{INSTANCES_SUFFIX}"
        write_instance_stack(session, stack)
        written.append(stack)
    session.mark_saved()
    return written


def write_instance_stack(session: CurationSession, path: Path) -> None:
    """Write one mask a page (0 and 255), in the order of the ids; overlaps survive.

    No instance at all gives one empty page. The image description is JSON with the ``ids``.

    Raises
    ------
    OutputError
        If the file can't be written.
    """
    ids = sorted(session.instances)
    description: dict[str, Any] = {"n_instances": len(ids), "ids": ids, "curated": True}
    if not ids:
        description["note"] = "no instances: this single page is empty"
    masks = (
        np.where(instance.full(session.shape), np.uint8(255), np.uint8(0))
        for instance in session.current().instances
    )
    empty = [np.zeros(session.shape, np.uint8)]
    write_pages(path, masks if ids else empty, description, session.prediction.pixel_size)


def flatten_corrected(session: CurationSession) -> tuple[NDArray[np.unsignedinteger[Any]], int]:
    """Label image of the current instances (`CORRECTED_RULE`).

    Corrected instances are all certain, so that the rule of predictions, the most probable and
    then the lowest label, leaves just the lowest id.

    Returns
    -------
    labels : ndarray of uint16 or uint32, shape (height, width)
        Id of each pixel's instance, 0 for background.
    n_overlap : int
        Pixels that more than one instance holds.
    """
    ids = sorted(session.instances, reverse=True)
    labels = np.zeros(session.shape, dtype=label_type(max(ids, default=0)))
    for identifier in ids:
        session.instances[identifier].paint(labels, identifier)
    return labels, int(np.count_nonzero(session.current().cover() > 1))


def _write_labels(session: CurationSession, path: Path) -> None:
    labels, n_overlap = flatten_corrected(session)
    description = {"rule": CORRECTED_RULE, "n_overlap_pixels": n_overlap, "curated": True}
    write_pages(path, [labels], description, session.prediction.pixel_size)


def _coco_image(session: CurationSession, file_name: str) -> CocoImage:
    instances = session.current().instances
    return CocoImage(
        file_name=file_name,
        shape=session.shape,
        instances=instances,
        scores=(1.0,) * len(instances),
        labels=tuple(sorted(session.instances)),
        attributes={"curated": True},
    )
