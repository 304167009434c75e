"""What the docks remember from one start of napari to the next: trained models, a training."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings

from napari_probinst.models import bundled_models

_MODELS, _TRAINING = "models", "training"
#: Trained models that are listed; older ones can still be chosen as files.
_MOST_MODELS = 10


def known_models() -> dict[str, Path]:
    """Model files by name: the bundled ones, then those trained here, the newest first."""
    known = bundled_models()
    for path in _paths():
        if path.is_file():
            known.setdefault(path.name, path)
    return known


def remember_model(path: Path) -> None:
    """List a model from now on."""
    others = [str(other) for other in _paths() if other != path]
    _settings().setValue(_MODELS, [str(path), *others][:_MOST_MODELS])


def last_training() -> Path | None:
    """Folder of the training that was started last; None if it is gone."""
    folder = _settings().value(_TRAINING)
    return Path(folder) if isinstance(folder, str) and Path(folder).is_dir() else None


def remember_training(folder: Path) -> None:
    """Let a dock that is opened later find this training again."""
    _settings().setValue(_TRAINING, str(folder))


def _paths() -> list[Path]:
    stored = _settings().value(_MODELS)
    # A list of one comes back as a text from some of the system's stores.
    texts = [stored] if isinstance(stored, str) else stored
    return [Path(text) for text in texts or () if isinstance(text, str)]


def _settings() -> QSettings:
    return QSettings("napari-probinst", "napari-probinst")
