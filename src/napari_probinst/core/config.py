"""Every setting, its default, bounds, unit and one sentence of help.

These models are the one source of the configuration files, the command line's flags, the
forms in the docks and the header of a model file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from napari_probinst.core.section import Section, validated
from napari_probinst.core.settings_file import stated_settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic.config import JsonDict

Fraction = Annotated[float, Field(ge=0, le=1)]

#: Devices that a user chooses from.
DEVICES = ("auto", "cpu", "cuda", "mps")
#: Bounds of the factor that an image is resampled by.
SMALLEST_SCALE, LARGEST_SCALE = 0.05, 20.0

#: Units of settings, for forms and the reference; what has none is a number or a share.
_PIXELS: JsonDict = {"unit": "px"}
_STEPS: JsonDict = {"unit": "steps"}
_MINUTES: JsonDict = {"unit": "min"}
_TIMES: JsonDict = {"unit": "×"}
_EMBEDDED: JsonDict = {"unit": "units of the embedding"}


class ChannelConfig(Section):
    """One channel that the network expects."""

    name: str = Field(description="Name shown to the user, e.g. 'bright field'.")
    required: bool = Field(True, description="False where training left the channel out at times.")
    suffix: str | None = Field(None, description="Mark of the channel in file names, e.g. 'w2'.")
    low_percentile: float = Field(1.0, ge=0, lt=50, description="Intensity that becomes -1.")
    high_percentile: float = Field(99.8, gt=50, le=100, description="Intensity that becomes 1.")
    gain: float = Field(
        0.0, ge=0, description="Expansion of dark intensities by arcsinh(gain x); 0 is linear."
    )


class NetworkConfig(Section):
    """Architecture of the U-Net."""

    channels: tuple[ChannelConfig, ...] = Field(
        (
            ChannelConfig(name="bright field", suffix="w2"),
            ChannelConfig(name="fluorescence", required=False, suffix="w1", gain=10.0),
        ),
        min_length=1,
        description="Image channels in the order the network sees them.",
    )
    filters: int = Field(16, ge=1, le=256, description="Filters of the first level.")
    levels: int = Field(5, ge=1, le=8, description="Levels; filters double at each.")
    embedding_dimensions: int = Field(16, ge=1, le=64, description="Dimensions of an embedding.")
    coordinates: Literal["output", "input", "none"] = Field(
        "output",
        description="Where each pixel's y and x come in: added to its embedding with learnt "
        "weights (output), as channels that the network reads (input), or not at all (none).",
    )
    dropout: Literal["concrete", "none"] = Field(
        "concrete", description="Concrete Dropout, or none: the deterministic baseline."
    )
    class_decoder: bool = Field(
        False,
        description="Give the class map convolutions of its own at full resolution, so that "
        "contours don't share features with embeddings.",
    )
    global_context: bool = Field(
        False,
        description="Let the class map's convolutions also read the means of the features over "
        "the whole image, so that contours follow its contrast and illumination. Needs "
        "class_decoder.",
    )
    initial_rate: float = Field(0.05, gt=1e-4, lt=1 - 1e-4, description="Dropout rates at first.")

    @field_validator("coordinates", mode="before")
    @classmethod
    def _coordinates_of_earlier_files(cls, value: object) -> object:
        return ("none", "input")[value] if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _context_has_a_reader(self) -> Self:
        if self.global_context and not self.class_decoder:
            raise ValueError("global_context needs class_decoder: true")
        return self

    @property
    def n_channels(self) -> int:
        """Number of image channels."""
        return len(self.channels)


class LossConfig(Section):
    """Weights of the loss (equations 1 to 4 of the paper)."""

    delta_d: float = Field(4.0, gt=0, description="Half the distance centres are pushed to.")
    distance_norm: Literal["plain", "squared"] = Field(
        "plain", description="Norm inside the hinge of eq. 2; 'squared' is the printed form."
    )
    variance_weight: float = Field(1.0, ge=0, description="Weight of eq. 1.")
    distance_weight: float = Field(1.0, ge=0, description="Weight of eq. 2.")
    regulariser_weight: float = Field(0.001, ge=0, description="Weight of eq. 3.")
    class_weight: float = Field(10.0, ge=0, description="Weight of the three-class cross-entropy.")
    overlap_weight: float = Field(
        10.0, gt=0, description="Weight of overlap pixels within the cross-entropy; 1 is plain."
    )
    length_scale_squared: float = Field(1e-6, ge=0, description="Prior length scale of eq. 4.")
    rate_regulariser: float = Field(1e-3, ge=0, description="Zeta of eq. 4: pulls rates up.")
    n_examples: float = Field(
        1.0, gt=0, description="N of eq. 4; what counts is rate_regulariser / n_examples."
    )
    weight_decay: float = Field(1e-6, ge=0, description="L2 penalty where dropout is 'none'.")


class AugmentationConfig(Section):
    """Random changes of the training crops."""

    rotation: Literal["any", "right", "none"] = Field(
        "any",
        description="Rotate by any angle, by right angles, or not. A crop that is turned by right "
        "angles at most, neither scaled nor deformed, has the image's own pixels.",
    )
    flips: bool = Field(True, description="Mirror at random.")
    scale: float = Field(0.1, ge=0, lt=1, description="Scale by up to this fraction.")
    elastic_sigma: float = Field(
        40.0, gt=0, description="Grain of the deformation.", json_schema_extra=_PIXELS
    )
    focus: Fraction = Field(0.5, description="Share of crops placed around an instance.")
    elastic_amplitude: float = Field(
        2.5, ge=0, description="Mean size of a shift.", json_schema_extra=_PIXELS
    )
    intensity: float = Field(0.2, ge=0, lt=1, description="Contrast and offset jitter.")
    noise: float = Field(0.02, ge=0, description="Gaussian noise in units of the contrast.")
    channel_dropout: Fraction = Field(
        0.25, description="Share of crops in which an optional channel is left out."
    )
    pasted: Fraction = Field(
        0.0, description="Share of crops that get instances of other images, touching or crossing."
    )


class TrainingConfig(Section):
    """Training loop."""

    max_steps: int = Field(
        20_000,
        ge=1,
        description="Optimiser steps in all.",
        title="Length",
        json_schema_extra=_STEPS,
    )
    crop: int = Field(
        512,
        ge=16,
        description="Height and width of a crop.",
        title="Crop",
        json_schema_extra=_PIXELS,
    )
    binning: int = Field(
        1,
        ge=1,
        le=8,
        description="Average this many pixels a side first.",
        title="Binning",
        json_schema_extra=_PIXELS,
    )
    batch_size: int = Field(1, ge=1, description="Crops a step.", title="Crops a step")
    learning_rate: float = Field(
        1e-3, gt=0, description="Peak learning rate of Adam; it has no unit.", title="Learning rate"
    )
    rate_learning_rate: float = Field(
        1e-2, gt=0, description="Learning rate of the dropout rates' logits."
    )
    warmup_steps: int = Field(200, ge=0, description="Linear warm-up.", json_schema_extra=_STEPS)
    final_learning_rate: Fraction = Field(
        0.01, description="Fraction of the peak that the cosine decay ends at."
    )
    gradient_clip: float = Field(20.0, gt=0, description="Largest norm of a gradient.")
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description="Averaging of the weights over steps; 0 switches it off."
    )
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="Seed of initial weights and of all augmentation.",
        title="Random seed",
    )
    validate_every: int = Field(
        2000,
        ge=1,
        description="Interval between validation scores.",
        title="Scored every",
        json_schema_extra=_STEPS,
    )
    validation_images: int = Field(
        6, ge=0, description="Images in an interval's score; 0: none.", title="Scored images"
    )
    validation_draws: int = Field(2, ge=1, le=255, description="Draws in an interval's score.")
    checkpoint_minutes: float = Field(
        5.0, gt=0, description="Interval between checkpoints.", json_schema_extra=_MINUTES
    )
    held_out: Fraction = Field(
        0.2,
        description="Share of the images kept for validation where no list says which.",
        title="Held out (share)",
    )
    workers: int = Field(1, ge=0, description="Processes that prepare crops.", title="Processes")


class InferenceConfig(Section):
    """From an image to ranked peaks."""

    n_draws: int = Field(8, ge=1, le=255, description="Draws from the posterior.", title="Draws")
    seed: int = Field(0, ge=0, description="Seed of the draws.")
    scale: float = Field(
        1.0,
        ge=SMALLEST_SCALE,
        le=LARGEST_SCALE,
        description="Resample the image to this many times its size for the network, so that "
        "objects get the width it was trained with; min_size counts pixels of that size. Results "
        "are in the image's own pixels.",
        title="Scale",
        json_schema_extra=_TIMES,
    )
    flips: bool = Field(
        False,
        description="Let each draw see the image mirrored or turned anew.",
        title="Mirror at random",
    )
    bandwidth: float = Field(
        2.0,
        gt=0,
        description="Mean-shift bandwidth in the embedding space. Training pushes centres "
        "2 delta_d apart: 8 by default.",
        title="Bandwidth",
        json_schema_extra=_EMBEDDED,
    )
    cluster_threshold: float = Field(
        2.0,
        gt=0,
        description="Farthest an embedding may lie from its cluster's centre, in their space.",
        title="Farthest of a cluster",
        json_schema_extra=_EMBEDDED,
    )
    own_bandwidth: bool = Field(
        False,
        description="Look again at instances far larger than the others of a draw, with a half to "
        "an eighth of the bandwidth, and part them where their embeddings are well separated.",
        title="Part what is far too large",
    )
    min_size: int = Field(
        100,
        ge=0,
        lt=2**31,
        description="Smallest area of an instance of a draw.",
        title="Smallest instance",
        json_schema_extra=_PIXELS,
    )
    probability_threshold: float = Field(
        0.75,
        gt=0,
        le=1,
        description="Least probability of a binary instance's pixels.",
        title="Least probability",
    )
    existence_threshold: float = Field(
        0.75,
        ge=0,
        le=1,
        description="Least share of the draws that found an instance of the result. What fewer "
        "found is a place to look at.",
        title="Found by at least",
    )
    patch: int = Field(
        4, ge=1, le=64, description="Side of a patch.", title="Patch", json_schema_extra=_PIXELS
    )
    ranking: Literal["mass", "entropy"] = Field(
        "mass",
        description="What ranks the peaks: entropy summed over the instances there, or, as in the "
        "paper, the patch's mean entropy.",
        title="Ranked by",
    )
    size_outliers: bool = Field(
        True,
        description="Doubt also instances far larger than the others of the image, which all "
        "draws may have merged. Not for objects of very different sizes.",
        title="Doubt size outliers",
    )
    n_seeds: int = Field(
        384, ge=1, description="Mean-shift seeds an image or tile.", title="Mean-shift seeds"
    )


class Config(Section):
    """Everything that a training run needs."""

    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    training: TrainingConfig = TrainingConfig()
    inference: InferenceConfig = InferenceConfig()

    @model_validator(mode="after")
    def _whole_strides(self) -> Config:
        stride = 2 ** (self.network.levels - 1)
        if self.training.crop % stride:
            raise ValueError(
                f"training.crop is {self.training.crop}, but a network of {self.network.levels} "
                f"levels needs a multiple of {stride}"
            )
        return self

    @classmethod
    def from_yaml(cls, path: Path) -> Config:
        """Read a configuration file.

        Raises
        ------
        ConfigError
            If the file isn't there, can't be read, is no YAML, or holds an unknown or impossible
            setting.
        """
        return validated(cls, stated_settings(path), str(path))
