"""The manifest of a session on disk: what it is about, and what its files are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import TypeAdapter, ValidationError

from napari_probinst import __version__
from napari_probinst.core.curation.journal import prediction_checksum
from napari_probinst.core.curation.schema import STATED, Version, check_version
from napari_probinst.core.data.naming import is_file_name
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.prediction import Prediction

SESSION_SUFFIX = ".probinst"
VERSION = 1
MANIFEST, PREDICTION, JOURNAL, LOCK = (
    "manifest.json",
    "prediction.npz",
    "journal.jsonl",
    "session.lock",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a session is about.

    Parameters
    ----------
    name : str
        Name of the image.
    image : str
        Checksum of the image's pixels; empty if unknown.
    model_name, model : str
        File name and checksum of the model; empty for draws of another program.
    prediction : str
        Checksum of what the journal refers to in the prediction: binary masks and peaks.
    prediction_file : str
        SHA-256 of the prediction's file, hexadecimal: of its draws, too; empty in the sessions of
        early programs.
    settings : dict
        Settings that were predicted with, by name; empty in the sessions of early programs.
    program, created : str
        Name and version of the program, and when it began the session (ISO 8601, UTC).
    format, version
        Fixed: what the folder is, and its schema.
    """

    format: Literal["napari-probinst session"] = "napari-probinst session"
    version: Version = VERSION
    name: str
    image: str = ""
    model_name: str = ""
    model: str = ""
    prediction: str
    prediction_file: str = ""
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    program: str = ""
    created: str = ""

    def to_json(self) -> bytes:
        """Write the manifest as the text of its file."""
        return _MANIFEST.dump_json(self, indent=2) + b"\n"

    @classmethod
    def of(cls, prediction: Prediction) -> Manifest:
        """Manifest of a new session on ``prediction``."""
        provenance = prediction.provenance
        return cls(
            name=prediction.name,
            image=provenance.image_checksum,
            model_name=provenance.model_name,
            model=provenance.model_checksum,
            prediction=prediction_checksum(prediction),
            settings=prediction.settings.model_dump(mode="json"),
            program=f"napari-probinst {__version__}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )


_MANIFEST: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, STATED])


def read_manifest(folder: Path) -> Manifest:
    """Read what the session in a folder is about.

    Raises
    ------
    InputError
        If it is no session, its manifest is damaged, a newer program wrote it, or one of its
        files is a link or something else that is no file.
    """
    path = folder / MANIFEST
    for name in (MANIFEST, PREDICTION, JOURNAL):
        if (folder / name).is_symlink():
            raise InputError(
                f"{folder / name} is a link, and a session holds its files itself: put the file "
                "in the link's place."
            )
        if (folder / name).exists() and not (folder / name).is_file():
            # A pipe would be waited for without end.
            raise InputError(f"{folder / name} is no file: restore the folder from a copy.")
    try:
        manifest = _MANIFEST.validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{folder} is no session of corrections: choose a folder NAME{SESSION_SUFFIX}."
        ) from error
    except ValidationError as error:
        raise InputError(
            f"{path} is damaged or of another program: restore the folder from a copy."
        ) from error
    check_version(folder, manifest.version, VERSION)
    if not is_file_name(manifest.name):
        raise InputError(
            f"{path} names the image {manifest.name!r}, which is no name of a file: restore the "
            "folder from a copy."
        )
    return manifest
