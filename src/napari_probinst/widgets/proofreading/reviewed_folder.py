"""A folder of predictions that is reviewed: where its images are, and where one has come to."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_warning

from napari_probinst.core.curation.folder_place import FolderPlace
from napari_probinst.core.data.image_folders import recorded_image_folders
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets.proofreading.folder_images import FolderImages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.curation.folder_review import FolderReview
    from napari_probinst.core.curation.image_review import ImageReview
    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.proofreading.desk import Desk


class ReviewedFolder:
    """A folder that is reviewed.

    Parameters
    ----------
    path : Path
        The folder of predictions.
    viewer : napari.Viewer
        Where its images are shown.
    desk : Desk
        Puts them on the bench.
    images_path : str
        Folder of the images where the curator told it; else empty.

    Attributes
    ----------
    folder : Path
        The folder.
    """

    #: Its images are offered one by one.
    is_listed = True

    def __init__(self, path: Path, viewer: Any, desk: Desk, images_path: str = "") -> None:
        self.folder = path
        self._images_path = images_path
        self._images = FolderImages(viewer, desk, self._image_folders())

    def look_for_images(self, path: Path) -> None:
        """Look for the images in another folder, too."""
        self._images_path = str(path)
        self._images.look_in(self._image_folders())

    def leave(self) -> None:
        """Take all images out of the viewer but the one that is worked on."""
        self._images.leave_others()

    def has_changed(self, _shown: ShownPrediction) -> bool:
        """Return False: a folder is what it was when it was read."""
        return False

    def name_of(self, shown: ShownPrediction | None) -> str | None:
        """Name of the image that a prediction was opened for; None for any other prediction."""
        return self._images.name_of(shown)

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """Names of images that are neither in the viewer nor in the folders."""
        return self._images.missing(names)

    def show(self, image: ImageReview) -> bool:
        """Work on an image; see `FolderImages.show`."""
        return self._images.show(image)

    def note(self, review: FolderReview, row: int) -> None:
        """Note the place, so that the folder can be opened there again."""
        image, peak = review.place(row)
        place = FolderPlace(review.images[image].name, peak, review.order, self._images_path)
        # A folder that can't be written is opened where something was corrected last.
        with suppress(OutputError):
            place.write(self.folder)

    def say_problems(self, review: FolderReview) -> None:
        """Say which images can't be reviewed, and which are reviewed without their pixels."""
        broken = [image for image in review.images if image.problem]
        if broken:
            more = f" and {len(broken) - 1} more" * (len(broken) > 1)
            show_warning(
                f"{broken[0].name}{more} can't be reviewed: point at the count below the table to "
                "see why."
            )
        usable = [image.name for image in review.images if not image.problem]
        missing = self._images.missing(usable)
        if missing:
            names = missing[0] + ", …" * (len(missing) > 1)
            show_warning(
                f"{len(missing)} of {len(usable)} images were not found ({names}): "
                "'Open… ▸ Folder of the images' tells where they are."
            )

    def _image_folders(self) -> tuple[Path, ...]:
        """Where the images may be."""
        told = (Path(self._images_path),) if self._images_path else ()
        return (*told, self.folder, self.folder.parent, *recorded_image_folders(self.folder))
