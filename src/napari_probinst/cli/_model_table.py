"""What a model file states about itself, in words."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.network.header import ModelHeader

#: Characters of names that are shown, some five lines: all of the table has to fit on a screen.
_LONGEST = 320
NOT_STATED = "not stated"


def model_rows(path: Path, content: bytes, header: ModelHeader) -> Iterator[tuple[str, str]]:
    """Say what a model is, one topic a row.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        All of it.
    header : ModelHeader
        What it states.

    Yields
    ------
    str, str
        Topic, and what there is to say about it.
    """
    network, training = header.network, header.training
    yield "model", ": ".join(part for part in (header.name, header.description) if part)
    yield "file", f"{path}, {len(content) / 1e6:.1f} MB"
    yield "SHA-256", hashlib.sha256(content).hexdigest()
    yield "channels", ", ".join(map(channel_words, network.channels))
    parts = [
        f"U-Net of {network.levels} levels, {network.filters} filters at the first",
        f"embeddings of {network.embedding_dimensions} dimensions",
        f"coordinates: {network.coordinates}",
        f"dropout: {network.dropout}",
    ]
    parts += ["class decoder"] * network.class_decoder + ["global context"] * network.global_context
    yield "architecture", ", ".join(parts)
    height, width = header.extent
    yield "image", f"up to {height} x {width} pixels in one piece, binned by {header.binning}"
    yield "objects", f"about {header.object_width:.1f} pixels wide"
    yield "settings", _values(header.inference.model_dump(mode="json"))
    yield "training", _training(training)
    yield "trained on", _named(header.trained_on)
    yield "held out", _named(header.held_out)
    yield "calibration", _calibration(header)
    yield "tuning", _tuning(header)
    programs = (f"format {header.format_version}", training.get("program", NOT_STATED))
    yield "versions", ", ".join(map(str, programs))


def channel_words(channel: ChannelConfig) -> str:
    """Name of a channel, and whether an image may lack it."""
    return channel.name + ("" if channel.required else " (optional)")


def _named(names: Sequence[str]) -> str:
    if not names:
        return NOT_STATED
    what = "1 image" if len(names) == 1 else f"{len(names)} images"
    text = ", ".join(names)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST].rpartition(', ')[0]}, … (--json lists all)"
    return f"{what}: {text}"


def _training(record: Mapping[str, Any]) -> str:
    if not record:
        return NOT_STATED
    words = [f"{record['steps']} steps"] if "steps" in record else []
    if isinstance(seconds := record.get("seconds"), int | float):
        words.append(f"{seconds / 60:.0f} minutes")
    if isinstance(averaged := record.get("averaged"), dict):
        words.append(f"mean of {len(averaged.get('models', ()))} models")
    if (score := record.get("validation_dsb")) is not None:
        words.append(f"DSB {_number(score)} of the images held out")
    return ", ".join(words) or NOT_STATED


def _calibration(header: ModelHeader) -> str:
    if header.calibration is None:
        return "none"
    words = [f"log-odds: {_values(header.calibration.model_dump())}"]
    record = header.training.get("calibration")
    if isinstance(record, dict):
        from napari_probinst.core.network.header import names_of

        words.append(f"fitted to {len(names_of(record, 'images'))} images")
    return "; ".join(words)


def _tuning(header: ModelHeader) -> str:
    record = header.tuning
    if not record:
        return NOT_STATED
    titles = {
        "cross_validated": "cross-validated",
        "all_images": "on the same images",
        "before": "before",
    }
    scores = [
        f"{_number(record[key]['dsb_image'])} {title}"
        for key, title in titles.items()
        if isinstance(record.get(key), dict) and "dsb_image" in record[key]
    ]
    words = [f"DSB {', '.join(scores)}"] if scores else []
    words += [_named(sorted(header.tuned_on))] if header.tuned_on else []
    words += [str(record["program"])] if "program" in record else []
    return "; ".join(words) or NOT_STATED


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in values.items())


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
