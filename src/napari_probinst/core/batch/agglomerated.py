"""What earlier agglomerations left in a folder of results: one data set is of all of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_probinst.core.batch.earlier import EarlierResults
from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.results import coco_record, found_prediction
from napari_probinst.core.data.naming import COCO_NAME, PREDICTION_SUFFIX
from napari_probinst.core.data.segmentations import plain_name
from napari_probinst.core.evaluation.names import name_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from napari_probinst.core.config import InferenceConfig


def earlier_agglomerations(
    folder: Path, own: Collection[str], settings: InferenceConfig
) -> EarlierResults:
    """Gather the agglomerations in a folder that a run had nothing to do with.

    Parameters
    ----------
    folder : Path
        Folder of results.
    own : collection of str
        Names of the run's images.
    settings : InferenceConfig
        The run's, as its predictions record them.

    Returns
    -------
    EarlierResults
        What has the same settings, and the names of the others, by name.
    """
    outcomes, others = [], []
    file_names = _file_names(folder / COCO_NAME)
    for path in sorted(folder.glob(f"*{PREDICTION_SUFFIX}")):
        name = path.name.removesuffix(PREDICTION_SUFFIX)
        if name in own:
            continue
        found = found_prediction(name, folder)
        if found is None or found.provenance.model_checksum or found.settings != settings:
            others.append(name)
            continue
        record = coco_record(found, file_names.get(name, f"{name}.tif"))
        outcomes.append(Outcome(name, "finished before", record=record))
    return EarlierResults(tuple(outcomes), tuple(others))


def _file_names(data_set: Path) -> dict[str, str]:
    """File names in an earlier data set, by the names of the images; empty without one."""
    try:
        images = json.loads(data_set.read_bytes())["images"]
        return {name_of(plain_name(image["file_name"])): image["file_name"] for image in images}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
