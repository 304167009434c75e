"""In which images of a queue steps were made, so that undo follows the curator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.curation.history import DecisionStep, EditStep
from napari_probinst.core.curation.records import Redo, Undo

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from napari_probinst.core.curation.records import Record


class StepOrder:
    """Order of the steps of one sitting over several images.

    Each image has an undo history of its own. The last decision about one image leads to the
    next, and it is that decision which undo has to take back then, not what was once done to the
    image that has come.
    """

    def __init__(self) -> None:
        self._done: list[str] = []
        self._undone: list[str] = []
        #: Records of each image that are known.
        self._seen: dict[str, int] = {}

    def last(self, images: Container[str]) -> str | None:
        """Which of some images has the step that undo takes back; None if none was made there."""
        return next((name for name in reversed(self._done) if name in images), None)

    def next(self, images: Container[str]) -> str | None:
        """Which of some images has the step that redo makes again; None if there is none."""
        return next((name for name in reversed(self._undone) if name in images), None)

    def follow(self, image: str, records: Sequence[Record]) -> None:
        """Take up what has happened to an image; what did before its first mention is older.

        Parameters
        ----------
        image : str
            Its name.
        records : sequence of Record
            All of its session, in their order.
        """
        seen = self._seen.get(image, len(records))
        if len(records) < seen:  # another session of the image, begun since
            self.forget(image)
        self._seen[image] = len(records)
        for record in records[seen:]:
            match record.event:
                case EditStep() | DecisionStep():
                    self._done.append(image)
                    self._undone.clear()
                case Undo():
                    _remove_last(self._done, image)
                    self._undone.append(image)
                case Redo():
                    _remove_last(self._undone, image)
                    self._done.append(image)

    def forget(self, image: str) -> None:
        """Forget the steps of an image: they can't be taken back any more."""
        self._done = [name for name in self._done if name != image]
        self._undone = [name for name in self._undone if name != image]


def _remove_last(names: list[str], name: str) -> None:
    """Remove the last mention, if there is one: older steps of an image have none."""
    for index in range(len(names) - 1, -1, -1):
        if names[index] == name:
            del names[index]
            return
