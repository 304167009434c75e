"""What is to be done with every image of a run, and what came of one of them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from napari_probinst.core.errors import ModelError
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.network.checkpoint import load_model

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.data.coco import CocoEntry, CocoImage
    from napari_probinst.core.inference.image_ranking import ImageUncertainty
    from napari_probinst.core.inference.scale import Misfit
    from napari_probinst.core.prediction import Origin, Prediction

Status = Literal["predicted", "finished before", "refused"]


@dataclass(frozen=True, slots=True)
class Job:
    """How the images of a run are predicted; small enough to be sent to another process.

    Parameters
    ----------
    models : tuple of Path
        Model files, in the order in which they take turns.
    checksums : tuple of str
        SHA-256 of each, hexadecimal.
    settings : InferenceConfig
        Draws, thresholds and seed.
    folder : Path
        For the results; exists.
    device : str, default "auto"
        Where to compute, as for `choose_runtime`.
    axes : str, optional
        Meaning of the files' dimensions, where they state it wrong.
    stacks : bool, default False
        Also write the stacks of masks and of counts.
    ome_zarr : bool, default False
        Also write the results as OME-Zarr.
    overwrite : bool, default False
        Predict also what is finished.
    """

    models: tuple[Path, ...]
    checksums: tuple[str, ...]
    settings: InferenceConfig
    folder: Path
    device: str = "auto"
    axes: str | None = None
    stacks: bool = False
    ome_zarr: bool = False
    overwrite: bool = False

    @property
    def model_checksum(self) -> str:
        """The models' checksum as predictions record it."""
        return " + ".join(self.checksums)

    @property
    def stamp(self) -> dict[str, object]:
        """Models and settings as JSON values: what results of one kind have in common."""
        return {"models": list(self.checksums), "settings": self.settings.model_dump(mode="json")}

    def made(self, prediction: Prediction | Origin) -> bool:
        """Whether a prediction is of these models and settings, whatever its image."""
        return (
            prediction.provenance.model_checksum == self.model_checksum
            and prediction.settings == self.settings
        )

    def predictor(self) -> Predictor:
        """Load the models.

        Raises
        ------
        ModelError
            If one can't be read, or is not the file that the run began with.
        ConfigError
            If the device is not on this machine.
        """
        loaded = []
        for path, checksum in zip(self.models, self.checksums, strict=True):
            model = load_model(path)
            if model.checksum != checksum:
                raise ModelError(
                    f"{path} is not the model that the run began with; leave model files alone "
                    "while they are in use, the same on all machines, and run again."
                )
            loaded.append(model)
        return Predictor.create(loaded[0], self.device, loaded[1:])


@dataclass(frozen=True, slots=True)
class Seconds:
    """Time that one image took, or several together, stage by stage.

    Parameters
    ----------
    read : float
        Reading and checking, also of results that are there; it goes on while the image before
        is computed.
    draws : float
        Network and clustering of all draws.
    agglomeration : float
        What the draws agree on, and the ranking of the peaks.
    write : float
        All files of the image.
    """

    read: float = 0.0
    draws: float = 0.0
    agglomeration: float = 0.0
    write: float = 0.0

    @property
    def total(self) -> float:
        """Sum of all stages."""
        return self.read + self.draws + self.agglomeration + self.write

    def __add__(self, other: Seconds) -> Seconds:
        """Sum stage by stage."""
        return Seconds(
            self.read + other.read,
            self.draws + other.draws,
            self.agglomeration + other.agglomeration,
            self.write + other.write,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one image.

    Parameters
    ----------
    name : str
        Name of the image.
    status : Status
        Predicted now, finished before by the same models and settings, or refused.
    reason : str, default ""
        Sentence that says why it was refused.
    notes : tuple of str, default ()
        Sentences about what had to be done otherwise, e.g. for lack of memory.
    record : CocoImage or CocoEntry, optional
        The image's part of the COCO data set, unless it was refused; an entry where it was read
        from an earlier one.
    uncertainty : ImageUncertainty, optional
        The image's line in the table of images, unless it was refused.
    n_overlap : int, optional
        Pixels of more than one instance, where it was predicted.
    width : float, optional
        Typical width of what was found, pixels, unless it was refused or nothing was found.
    misfit : Misfit, optional
        Where it was predicted, and its instances are of another width than the first model
        knows.
    obstacle : str, default ""
        Sentence that says why nothing could be found, where it was predicted and the image tells.
    from_colours : bool, default False
        Whether the file is an RGB picture, whose luminance was taken.
    seconds : Seconds
        Time that it took.
    """

    name: str
    status: Status
    reason: str = ""
    notes: tuple[str, ...] = ()
    record: CocoImage | CocoEntry | None = None
    uncertainty: ImageUncertainty | None = None
    n_overlap: int | None = None
    width: float | None = None
    misfit: Misfit | None = None
    obstacle: str = ""
    from_colours: bool = False
    seconds: Seconds = Seconds()


#: Index of an image and what came of it, as soon as it is known; closing it ends the run.
Outcomes: TypeAlias = Generator[tuple[int, Outcome], None, None]
