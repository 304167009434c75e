"""The images of a folder that can be reviewed, with the states that their journals tell of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.core.curation.journal import check_header
from napari_probinst.core.curation.manifest import (
    JOURNAL,
    MANIFEST,
    PREDICTION,
    SESSION_SUFFIX,
    read_manifest,
)
from napari_probinst.core.curation.prediction_summary import read_summary
from napari_probinst.core.curation.session_folder import journal_size, read_session_journal
from napari_probinst.core.data.naming import PREDICTION_SUFFIX
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from napari_probinst.core.curation.manifest import Manifest
    from napari_probinst.core.curation.prediction_summary import PredictionSummary


@dataclass(frozen=True, slots=True)
class _Session:
    """A session that may belong to a prediction."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class FolderContent:
    """Predictions and sessions of a folder, not read yet.

    Parameters
    ----------
    predictions : tuple of Path
        Files ``NAME.prediction.npz``.
    sessions : tuple of Path
        Folders ``NAME.probinst``.
    """

    predictions: tuple[Path, ...]
    sessions: tuple[Path, ...]

    @classmethod
    def of(cls, folder: Path) -> FolderContent:
        """List a folder; its sub-folders are not searched.

        Raises
        ------
        InputError
            If it can't be listed, or holds neither predictions nor sessions.
        """
        try:
            content = sorted(folder.iterdir())
        except OSError as error:
            raise InputError(
                f"{folder} can't be listed ({error.strerror or error}): check the folder."
            ) from error
        found = cls(
            tuple(path for path in content if path.name.endswith(PREDICTION_SUFFIX)),
            tuple(path for path in content if _is_session(path)),
        )
        if not found.predictions and not found.sessions:
            raise InputError(
                f"{folder} holds no predictions: choose one with files NAME{PREDICTION_SUFFIX}, "
                f"as 'napari-probinst predict' writes them, or with sessions NAME{SESSION_SUFFIX}."
            )
        return found

    def __len__(self) -> int:
        return len(self.predictions) + len(self.sessions)


def scan(content: FolderContent, elsewhere: Sequence[Path] = ()) -> Iterator[ImageReview]:
    """Read each image's peaks and their states, without its masks.

    A file that can't be used gives an image with a problem, and the others are read all the same.

    Parameters
    ----------
    content : FolderContent
        What is to be read.
    elsewhere : sequence of Path
        Folders that may hold sessions of these predictions, too.

    Yields
    ------
    ImageReview
        One an image, by name; first those with a prediction's file of their own.
    """
    paths = [*content.sessions]
    for folder in elsewhere:
        paths.extend(path for path in folder.glob(f"*{SESSION_SUFFIX}") if _is_session(path))
    sessions, problems = _read_manifests(paths)
    named: set[str] = set()
    for path in content.predictions:
        review = _reviewed(path, sessions)
        named.add(review.name)
        yield review
    ours = set(content.sessions)
    alone = [each for each in sessions if each.path in ours and each.manifest.name not in named]
    newest = {
        (each.manifest.name, each.manifest.prediction): each
        for each in sorted(alone, key=lambda each: journal_size(each.path))
    }
    for each in newest.values():
        yield _reviewed(each.path / PREDICTION, [each], opened=each.path)
    for path, problem in problems.items():
        if path in ours and path.name.removesuffix(SESSION_SUFFIX) not in named:
            yield ImageReview(path.name.removesuffix(SESSION_SUFFIX), path, problem=problem)


def _is_session(path: Path) -> bool:
    return path.suffix == SESSION_SUFFIX and (path / MANIFEST).is_file()


def _read_manifests(paths: Iterable[Path]) -> tuple[list[_Session], dict[Path, str]]:
    sessions, problems = [], {}
    for path in dict.fromkeys(paths):
        try:
            sessions.append(_Session(path, read_manifest(path)))
        except InputError as error:
            problems[path] = str(error)
    return sessions, problems


def _reviewed(
    path: Path, sessions: Iterable[_Session], *, opened: Path | None = None
) -> ImageReview:
    """Review of a prediction's file, with the session that goes farthest of those that fit."""
    opened = opened or path
    name = opened.name.removesuffix(PREDICTION_SUFFIX).removesuffix(SESSION_SUFFIX)
    try:
        summary = read_summary(path)
        fitting = [each.path for each in sessions if _fits(each, summary, path)]
        session = max(fitting, key=journal_size, default=None)
        return _with_journal(summary, opened, session)
    except InputError as error:
        return ImageReview(name, opened, problem=str(error))


def _fits(session: _Session, summary: PredictionSummary, path: Path) -> bool:
    """Whether a session was begun on a prediction, as far as can be told without masks."""
    manifest, own = session.manifest, session.path / PREDICTION
    if (manifest.name, manifest.image) != (summary.name, summary.image):
        return False
    if own == path:
        return True
    try:
        return read_summary(own).peaks == summary.peaks
    except InputError:
        # It is said when the image is opened, which looks at the session again.
        return False


def _with_journal(summary: PredictionSummary, opened: Path, session: Path | None) -> ImageReview:
    if session is None:
        return ImageReview.recorded(summary, opened, ())
    journal = read_session_journal(session)
    check_header(journal, read_manifest(session).prediction, str(session / JOURNAL))
    try:
        return ImageReview.recorded(summary, opened, journal.records)
    except IndexError as error:
        raise InputError(
            f"{session / JOURNAL} doesn't fit its prediction ({error}): restore it from a copy."
        ) from error
