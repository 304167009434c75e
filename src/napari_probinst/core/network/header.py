"""What a model file states about itself: read without torch, so that docks open quickly."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from napari_probinst.core.config import InferenceConfig, NetworkConfig
from napari_probinst.core.errors import ModelError, OutputError
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.section import Section

if TYPE_CHECKING:
    from pathlib import Path

FORMAT_VERSION = 1
MODEL_SUFFIX = ".safetensors"
#: Our entry in the metadata of a safetensors file.
KEY = "napari_probinst"
#: A safetensors file begins with the length of its JSON text, as 8 bytes.
_END_OF_LENGTH = 8
#: Nothing that this program writes comes near; a larger file is refused before it is read.
_LARGEST_FILE = 4 * 1024**3


class ModelHeader(Section):
    """What a model file states about itself."""

    format_version: int = Field(FORMAT_VERSION, description="Version of the file's format.")
    name: str = Field("", description="Name of the model.")
    description: str = Field("", description="What it was trained for, in a sentence.")
    network: NetworkConfig = NetworkConfig()
    inference: InferenceConfig = InferenceConfig()
    extent: tuple[int, int] = Field(
        (528, 704), description="Height and width, pixels, that an image may have in one piece."
    )
    binning: int = Field(1, ge=1, description="Pixels a side that the network sees as one.")
    calibration: Calibration | None = Field(
        None, description="Shift of the class map by the share of foreground; none by default."
    )
    object_width: float = Field(10.0, gt=0, description="Typical width of an object, pixels.")
    training: dict[str, Any] = Field(
        default_factory=dict, description="Record of the training: data, steps, time, scores."
    )
    tuning: dict[str, Any] = Field(
        default_factory=dict,
        description="Record of the choice of the inference settings: images, folds, scores.",
    )

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Names of the images that the weights have learnt from; none where they aren't stated.

        Of averaged weights, those of every model.
        """
        averaged = self.training.get("averaged")
        models = averaged.get("models") if isinstance(averaged, dict) else None
        parts = [each.get("training") for each in models or () if isinstance(each, dict)]
        records = [self.training, *(part for part in parts if isinstance(part, dict))]
        names = (name for record in records for name in names_of(record, "training_images"))
        return tuple(dict.fromkeys(names))

    @property
    def held_out(self) -> tuple[str, ...]:
        """Names of the images that the training left out, which scores can be taken on.

        Early programs stated those alone that were scored during the training.
        """
        names = names_of(self.training, "held_out_images") or names_of(
            self.training, "validation_images"
        )
        seen = set(self.trained_on)
        return tuple(name for name in names if name not in seen)

    @property
    def tuned_on(self) -> tuple[str, ...]:
        """Names of the images that the settings were chosen on."""
        folds = self.tuning.get("folds")
        parts = folds if isinstance(folds, list | tuple) else ()
        return tuple(
            n for each in parts if isinstance(each, dict) for n in names_of(each, "images")
        )


def names_of(record: dict[str, Any], key: str) -> tuple[str, ...]:
    """Names in the record of a training or tuning; none where it holds no list of that key."""
    names = record.get(key)
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def check_model_name(path: Path) -> None:
    """Refuse a name that no model can be written to: before hours of training, not after.

    Raises
    ------
    OutputError
        If it doesn't end in `MODEL_SUFFIX`, or there is a folder of that name.
    """
    if path.suffix != MODEL_SUFFIX:
        raise OutputError(
            f"{path} is no name of a model file; expected one that ends in {MODEL_SUFFIX}, so "
            "name the output so."
        )
    if path.is_dir():
        raise OutputError(f"{path} is a folder; expected a file, so choose another name.")


def read_header(path: Path) -> ModelHeader:
    """Read what a model file states about itself; errors as for `load_model`."""
    return parsed_header(read_content(path), path)


def with_header(content: bytes, header: ModelHeader) -> bytes:
    """Content of a model file with another header and the same weights, byte for byte.

    Parameters
    ----------
    content : bytes
        Content of a model file.
    header : ModelHeader
        What it is to state instead.
    """
    end = _END_OF_LENGTH + _length(content)
    entries = json.loads(content[_END_OF_LENGTH:end])
    entries["__metadata__"][KEY] = header.model_dump_json()
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    # As safetensors itself does: blanks, so that the weights begin at a multiple of 8 bytes.
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + content[end:]


def read_content(path: Path) -> bytes:
    """Read a model file as it is; `ModelError` if it can't be."""
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise ModelError(f"{path} is no model: it has {size / 1024**3:.0f} GiB.")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The model {path} can't be read ({error.strerror}); check the path."
        ) from error


def parsed_header(content: bytes, path: Path) -> ModelHeader:
    """What the content of a model file states; errors as for `load_model`."""
    metadata = _metadata(content)
    if metadata is None:
        raise ModelError(
            f"{path} is not a model of napari-probinst; expected a .safetensors file written by "
            "napari-probinst-train. (Pickled weights such as .pt or .pth are never opened: they "
            "can run code.)"
        )
    try:
        values = json.loads(metadata)
        version = values.get("format_version")
        if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
            raise ModelError(
                f"{path} is a model of format version {version}, and this program reads up to "
                f"{FORMAT_VERSION}; update napari-probinst."
            )
        return ModelHeader.model_validate(values)
    except (ValidationError, ValueError, AttributeError) as error:
        raise ModelError(f"{path} has a damaged header; copy or train the model again.") from error


def _metadata(content: bytes) -> str | None:
    """Our entry in the metadata of a safetensors file, or None if this is none of ours."""
    if len(content) < _END_OF_LENGTH or _length(content) > len(content) - _END_OF_LENGTH:
        return None
    try:
        text = content[_END_OF_LENGTH : _END_OF_LENGTH + _length(content)]
        entry = json.loads(text)["__metadata__"][KEY]
    except (ValueError, KeyError, TypeError):
        return None
    return entry if isinstance(entry, str) else None


def _length(content: bytes) -> int:
    """Bytes of the JSON text at the beginning of a safetensors file."""
    (length,) = struct.unpack("<Q", content[:_END_OF_LENGTH])
    return int(length)
