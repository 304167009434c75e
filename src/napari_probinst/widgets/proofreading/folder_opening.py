"""Reading the images of a folder in a thread of its own, with a bar in the activity dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.qt.threading import create_worker

from napari_probinst.core.curation.folder_scan import FolderContent, scan
from napari_probinst.core.curation.manifest import SESSION_SUFFIX
from napari_probinst.widgets.proofreading.session_place import user_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from napari.qt.threading import GeneratorWorker

    from napari_probinst.core.curation.image_review import ImageReview


def is_folder_of_predictions(path: Path) -> bool:
    """Whether a path is a folder of several images, not that of one session or a file."""
    return path.is_dir() and path.suffix != SESSION_SUFFIX


class FolderOpener:
    """Reads one folder at a time.

    Parameters
    ----------
    on_progress : callable
        Called with the number of images read, and of those to read at most.
    on_result : callable
        Called with the folder and its images.
    """

    def __init__(
        self,
        on_progress: Callable[[int, int], None],
        on_result: Callable[[Path, list[ImageReview]], None],
    ) -> None:
        self._on_progress = on_progress
        self._on_result = on_result
        self._worker: GeneratorWorker | None = None

    def start(self, folder: Path) -> None:
        """Start to read a folder; what was being read is given up.

        Raises
        ------
        InputError
            If it can't be listed, or holds nothing of ours.
        """
        content = FolderContent.of(folder)
        self.stop()

        def progress(counts: tuple[int, int]) -> None:
            if self._worker is worker:
                self._on_progress(*counts)

        def finish(reviews: list[ImageReview]) -> None:
            # What was given up may have been finished by then.
            if self._worker is worker:
                self._worker = None
                self._on_result(folder, reviews)

        worker = create_worker(
            _read,
            content,
            _progress={"total": len(content) + 1, "desc": f"Reading {folder.name}"},
            _connect={"yielded": progress, "returned": finish},
            _start_thread=False,
        )
        self._worker = worker
        worker.start()

    def stop(self) -> None:
        """Give up what is being read."""
        if self._worker is not None:
            self._worker.quit()
            self._worker = None


def _read(
    content: FolderContent,
) -> Generator[tuple[int, int], None, list[ImageReview]]:
    reviews: list[ImageReview] = []
    yield 0, len(content)
    for review in scan(content, (user_folder(),)):
        reviews.append(review)
        yield len(reviews), len(content)
    return reviews
