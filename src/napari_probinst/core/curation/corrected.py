"""Save corrected instances beside their prediction, which stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_probinst.core.curation.corrected_file import write_corrected
from napari_probinst.core.curation.exported_session import of_session
from napari_probinst.core.curation.journal import to_lines
from napari_probinst.core.data.atomic import atomic_file, make_folder
from napari_probinst.core.data.coco import write_coco
from napari_probinst.core.data.exported import as_coco, write_instance_stack, write_label_image
from napari_probinst.core.data.exports import STACK_LIMIT
from napari_probinst.core.data.naming import INSTANCES_SUFFIX, LABELS_SUFFIX, is_file_name
from napari_probinst.core.errors import OutputError

if TYPE_CHECKING:
    from napari_probinst.core.curation.session import CurationSession


def corrected_names(name: str) -> tuple[str, ...]:
    """Names of the files that `save_corrected` writes for an image, its native file first."""
    suffixes = (".npz", LABELS_SUFFIX, ".json", ".journal.jsonl", INSTANCES_SUFFIX)
    return tuple(f"{name}.corrected{suffix}" for suffix in suffixes)


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
    native, labels, coco, journal, stack = (folder / each for each in corrected_names(name))
    image = of_session(session)
    write_corrected(session, native)
    write_label_image(image, labels)
    write_coco([as_coco(image, file_name or f"{name}.tif")], coco)
    with atomic_file(journal) as file:
        file.write(to_lines(session.header, session.records).encode())
    written = [native, labels, coco, journal]
    if len(session.instances) * session.shape[0] * session.shape[1] <= STACK_LIMIT:
        write_instance_stack(image, stack)
        written.append(stack)
    session.mark_saved()
    return written
