"""Where in a folder of images, or in a stack, the curator is: a small file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter, ValidationError

from napari_probinst.core.curation.folder_review import Order  # noqa: TC001 - read by pydantic
from napari_probinst.core.data.atomic import atomic_file

if TYPE_CHECKING:
    from pathlib import Path

PLACE_NAME = "review-place.json"


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Where the review of a folder or a stack was left.

    Parameters
    ----------
    image : str
        Name of the image, or of the plane.
    peak : int
        Index of its peak.
    order : "image" or "score"
        Order in which the peaks are gone through.
    images : str
        Folder of the images, where the curator had to tell it; else empty.
    prediction : str
        Checksum of the plane's prediction, as stacks of one name share a file; empty for a folder.
    format
        Fixed: what the file is.
    """

    image: str
    peak: int
    order: Order = "image"
    images: str = ""
    prediction: str = ""
    format: Literal["napari-probinst place"] = field(default="napari-probinst place", repr=False)

    def write(self, folder: Path, name: str = PLACE_NAME) -> None:
        """Note the place in a file of a folder.

        Raises
        ------
        OutputError
            If it can't be written.
        """
        with atomic_file(folder / name) as file:
            file.write(_PLACE.dump_json(self, indent=2) + b"\n")

    @classmethod
    def read(cls, folder: Path, name: str = PLACE_NAME) -> FolderPlace | None:
        """Place that was noted last; None where there is none that can be read.

        It only says where to begin: without it the journals tell which image was last corrected.
        """
        try:
            return _PLACE.validate_json((folder / name).read_bytes())
        except (OSError, ValidationError):
            return None


_PLACE: TypeAdapter[FolderPlace] = TypeAdapter(FolderPlace)
