"""What is said of training images that may teach something else than was meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.data.coloured import coloured_text
from napari_probinst.core.data.undivided import undivided_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_probinst.core.training.sources import TrainingData


def advice(data: TrainingData, places: Sequence[Path]) -> tuple[str, ...]:
    """Sentences about masks in which objects are not numbered, and about pictures in colours.

    Parameters
    ----------
    data : TrainingData
        The images.
    places : sequence of Path
        Where they were read from.
    """
    items = (*data.training, *data.validation)
    truth = {item.image.name: item.truth for item in items}
    said = (
        undivided_text(truth, ", ".join(map(str, places))),
        coloured_text(sum(item.image.from_colours for item in items)),
    )
    return tuple(filter(None, said))
