"""Models that come with the package, and their cards."""

from __future__ import annotations

from pathlib import Path

from napari_probinst.core.errors import ModelError

#: Model that is used where none is named.
DEFAULT_MODEL = "worms"


def bundled_models() -> dict[str, Path]:
    """Model files of the package by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.safetensors"))}


def default_model() -> Path:
    """File of the model that is used where none is named.

    Raises
    ------
    ModelError
        If the package was built without it.
    """
    models = bundled_models()
    if DEFAULT_MODEL not in models:
        raise ModelError("This installation has no bundled model; name a model file.")
    return models[DEFAULT_MODEL]


def model_card(name: str) -> str:
    """Text of the card of a bundled model; empty if it has none."""
    card = Path(__file__).parent / f"{name}.md"
    return card.read_text(encoding="utf-8") if card.is_file() else ""
