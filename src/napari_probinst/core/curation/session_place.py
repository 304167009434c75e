"""Where the session of a prediction is looked for, and where a new one is begun."""

from __future__ import annotations

import glob
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.curation.manifest import SESSION_SUFFIX, Manifest, read_manifest
from napari_probinst.core.curation.session_folder import begin_session, journal_size
from napari_probinst.core.data.atomic import make_folder
from napari_probinst.core.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from napari_probinst.core.curation.records import Record
    from napari_probinst.core.curation.session import CurationSession
    from napari_probinst.core.curation.session_folder import SessionFolder
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True)
class SessionPlace:
    """Folders that may hold ``NAME.probinst``.

    A session is never written over: where the name is taken, the next one is called
    ``NAME-2.probinst``, and so on.

    Parameters
    ----------
    name : str
        NAME; fit for a file.
    parents : tuple of Path
        Folders of the user's own data, the preferred one first; none of them is ever created.
    fallback : Path
        Folder for images that have none, and where no other can be written; created if need be.
    """

    name: str
    parents: tuple[Path, ...]
    fallback: Path

    def find(self, prediction: Prediction, tell: Callable[[str], None]) -> Path | None:
        """Session of this very prediction, image and name; None if there is none.

        Of several, e.g. after a disk was away for a while, the one that goes farthest.

        Parameters
        ----------
        prediction : Prediction
            What was predicted.
        tell : callable
            Called with a sentence about each session that can't be used.
        """
        wanted = Manifest.of(prediction)
        found = []
        for parent in (*self.parents, self.fallback):
            for _, path in self._taken(parent):
                try:
                    manifest = read_manifest(path)
                except InputError as error:
                    tell(str(error))
                    continue
                if (manifest.prediction, manifest.name, manifest.image) == (
                    wanted.prediction,
                    wanted.name,
                    wanted.image,
                ):
                    found.append(path)
        return max(found, key=journal_size, default=None)

    def paths(self) -> list[Path]:
        """All sessions of this name, the one that goes farthest first."""
        folders = (*self.parents, self.fallback)
        found = [path for folder in folders for _, path in self._taken(folder)]
        return sorted(found, key=journal_size, reverse=True)

    def begin(self, session: CurationSession, records: Iterable[Record]) -> SessionFolder:
        """Begin a session under the first free name, in the first folder that can be written.

        Returns
        -------
        SessionFolder
            Its ``warning`` says so where that is not the usual name or folder.

        Raises
        ------
        OutputError
            If no folder can be written; it tells of the preferred one.
        """
        records = tuple(records)
        first: OutputError | None = None
        for parent in (*self.parents, self.fallback):
            try:
                if parent == self.fallback:
                    make_folder(parent)
                number = max((number for number, _ in self._taken(parent)), default=0) + 1
                opened = begin_session(session, records, self._path(parent, number))
            except OutputError as error:
                first = first or error
                continue
            if first is not None:
                opened.warning = f"{first} Until then, corrections go to {opened.path}."
            elif number > 1:
                opened.warning = (
                    f"{self._path(parent, number - 1).name} holds other corrections and stays as "
                    f"it is; these go to {opened.path.name}."
                )
            return opened
        # Without a folder that failed there would have been one that was begun.
        raise first or OutputError(f"No folder is known for the corrections of {self.name}.")

    def _path(self, parent: Path, number: int) -> Path:
        turn = "" if number == 1 else f"-{number}"
        return parent / f"{self.name}{turn}{SESSION_SUFFIX}"

    def _taken(self, parent: Path) -> list[tuple[int, Path]]:
        """Paths of this name in a folder and their numbers, in the order of these.

        ``NAME-1`` and ``NAME-02`` are other names: no session of this one is called so.
        """
        turn = r"(?:-([2-9]|[1-9]\d+))?"
        pattern = re.compile(rf"{re.escape(self.name)}{turn}{re.escape(SESSION_SUFFIX)}", re.ASCII)
        taken = []
        for path in parent.glob(f"{glob.escape(self.name)}*{SESSION_SUFFIX}"):
            match = pattern.fullmatch(path.name)
            if match is not None:
                taken.append((int(match[1] or 1), path))
        return sorted(taken)
