"""A folder of images that is predicted to files, as the command line does it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.data.image_folders import record_image_folders
from napari_probinst.core.errors import CancelledError
from napari_probinst.widgets.prediction.events import Ended, Noted, Progress
from napari_probinst.widgets.prediction.words import doubt, found

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.batch.job import Job, Outcome
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.io import ImageSource
    from napari_probinst.widgets.prediction.events import Ending, Talk


@dataclass(frozen=True, slots=True, eq=False)
class FolderQueue:
    """Images in files that are predicted by one model; what is finished is skipped.

    Parameters
    ----------
    model : Path
        Model file.
    device : str
        "auto", "cpu", "cuda" or "mps".
    settings : InferenceConfig
        Draws and thresholds.
    sources : tuple of ImageSource
        The images, of different names.
    output : Path
        Folder for the results; made if need be.
    """

    model: Path
    device: str
    settings: InferenceConfig
    sources: tuple[ImageSource, ...]
    output: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images."""
        return tuple(source.name for source in self.sources)

    def run(self, talk: Talk) -> None:
        """Predict all images; see `ImageQueue.run`.

        Images whose results would replace those of others of the same names are refused. The
        COCO data set and the table of all images are written at the end, unless images were
        cancelled: these would be missing there. What the same model and settings made in the
        folder before is in them, too.
        """
        # torch comes with these, and not when the dock opens.
        from napari_probinst.core.batch.earlier import check_namesakes, earlier_results
        from napari_probinst.core.batch.job import Job
        from napari_probinst.core.batch.summary import RunSummary
        from napari_probinst.core.network.checkpoint import load_model

        check_namesakes(self.output, self.sources)
        make_folder(self.output)
        record_image_folders(self.output, dict.fromkeys(each.path.parent for each in self.sources))
        job = Job(
            models=(self.model,),
            checksums=(load_model(self.model).checksum,),
            settings=self.settings,
            folder=self.output,
            device=self.device,
        )
        outcomes = self._predict(job, talk)
        summary = RunSummary(
            tuple(outcomes[index] for index in sorted(outcomes)),
            earlier_results(job, self.sources).outcomes,
        )
        if summary.good and len(outcomes) == len(self.sources):
            summary.write_coco(job)
            summary.write_table(self.output)

    def _predict(self, job: Job, talk: Talk) -> dict[int, Outcome]:
        """Outcomes of the images that were not cancelled, by their places."""
        from napari_probinst.core.batch.predicting import predict_images

        places = {source.name: index for index, source in enumerate(self.sources)}
        outcomes: dict[int, Outcome] = {}
        waiting = list(range(len(self.sources)))

        def count_tile(name: str, draw: int, n_draws: int, tile: int, n_tiles: int) -> None:
            talk.check(places[name])
            talk.tell(Progress(places[name], draw - 1, n_draws, tile, n_tiles))

        while waiting:
            wanted = (self.sources[i] for i in tuple(waiting) if not talk.is_cancelled(i))
            # One image that is cancelled ends the run; the others go on in the next one.
            with suppress(CancelledError):
                for outcome in predict_images(job, wanted, count_tile):
                    index = places[outcome.name]
                    waiting.remove(index)
                    outcomes[index] = outcome
                    _tell(index, outcome, talk)
            for index in [index for index in waiting if talk.is_cancelled(index)]:
                waiting.remove(index)
                talk.tell(Ended(index, "cancelled"))
        return outcomes


def _tell(index: int, outcome: Outcome, talk: Talk) -> None:
    for note in outcome.notes:
        talk.tell(Noted(index, note))
    content = outcome.uncertainty
    if outcome.status == "refused" or content is None:
        talk.tell(Ended(index, "refused", outcome.reason))
        return
    ending: Ending = "finished before" if outcome.status == "finished before" else "done"
    more = doubt(outcome.misfit) or outcome.obstacle
    text = found(content.n_instances, content.n_peaks, content.n_jitter, more)
    talk.tell(Ended(index, ending, text))
