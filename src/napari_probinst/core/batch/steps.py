"""The work on a run's images in steps that any process can do, and what follows a step.

An image is looked at first, and predicted there and then if it is seen in one piece. Of a larger
one, blocks of tiles are computed in any order; when all have ended, the image is joined.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.predicting import predict_image
from napari_probinst.core.batch.tile_tasks import TilePlan, begin_image, compute_block

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.batch.job import Job
    from napari_probinst.core.batch.predicting import OnTile
    from napari_probinst.core.data.io import ImageSource

#: What a step came to: an image's outcome, what its tiles are, or the seconds that a block took.
Told: TypeAlias = Outcome | TilePlan | float


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of the work on one image.

    Parameters
    ----------
    index : int
        Which image of the run.
    kind : "begin", "block" or "join"
        What is done: `begin_image`, `compute_block`, or `predict_image` from the blocks.
    checksum, draw, numbers
        Of a block, as for `compute_block`.
    """

    index: int
    kind: Literal["begin", "block", "join"] = "begin"
    checksum: str = ""
    draw: int = 0
    numbers: range = range(0)

    @property
    def priority(self) -> int:
        """Higher goes first: what is kept of an image's tiles is removed when it is joined."""
        return ("begin", "block", "join").index(self.kind)

    def run(self, job: Job, source: ImageSource) -> Told:
        """Do it, wherever this is; errors are those of the functions named above."""
        if self.kind == "begin":
            return begin_image(job, source)
        if self.kind == "join":
            return predict_image(job, source)
        return compute_block(job, source, self.checksum, self.draw, self.numbers)


class Course:
    """How far the images of a run are, and which steps come next.

    Parameters
    ----------
    sources : sequence of ImageSource
        The images.
    on_tile : OnTile, optional
        Told of a large image when a block of its tiles has ended. Blocks are of any draw, so the
        tiles of all draws are counted as those of one.
    """

    def __init__(self, sources: Sequence[ImageSource], on_tile: OnTile | None = None) -> None:
        self._sources = sources
        self._on_tile = on_tile
        #: Of each large image: blocks that it waits for, tiles that are done, and all tiles.
        self._blocks: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._tiles: dict[int, int] = {}
        #: Seconds of the blocks that have ended.
        self._seconds: dict[int, float] = {}

    def first(self) -> list[Step]:
        """Steps with which a run begins: one for each image."""
        return [Step(index) for index in range(len(self._sources))]

    def after(self, step: Step, told: Told) -> tuple[Outcome | None, list[Step]]:
        """Take note that a step has ended.

        Returns
        -------
        Outcome or None
            What came of the image, if it is finished.
        list of Step
            What can be done now.
        """
        index = step.index
        if isinstance(told, Outcome):
            return _with_blocks(told, self._seconds.get(index, 0.0)), []
        if isinstance(told, TilePlan):
            blocks = [
                Step(index, "block", told.checksum, draw, numbers)
                for draw, numbers in told.blocks()
            ]
            self._blocks[index] = len(blocks)
            self._done[index], self._tiles[index] = 0, sum(told.n_tiles)
        else:
            blocks = []
            self._blocks[index] -= 1
            self._done[index] += len(step.numbers)
            self._seconds[index] = self._seconds.get(index, 0.0) + told
        if self._on_tile is not None and self._tiles[index]:
            name = self._sources[index].name
            self._on_tile(name, 1, 1, self._done[index], self._tiles[index])
        return None, blocks if self._blocks[index] else [Step(index, "join")]


def _with_blocks(outcome: Outcome, seconds: float) -> Outcome:
    """Outcome of an image with the time that its tiles took elsewhere."""
    if not seconds:
        return outcome
    total = replace(outcome.seconds, draws=outcome.seconds.draws + seconds)
    told = outcome.uncertainty
    if told is not None and told.seconds is not None:
        told = replace(told, seconds=total.total)
    return replace(outcome, seconds=total, uncertainty=told)
