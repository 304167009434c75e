"""What the list of peaks says: short words for its columns, and whether to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_probinst.core.curation.folder_review import FolderProgress
    from napari_probinst.core.curation.review import ReviewStatistics

#: Likely error of a peak, short enough for a column of a narrow dock.
SHORT_KINDS = {
    "merge": "Merge?",
    "split": "Split?",
    "missed": "Missed?",
    "spurious": "Spurious?",
    "contour": "Outline",
}
#: State of a peak in one word.
SHORT_STATUSES = {
    "open": "open",
    "accepted": "accepted",
    "skipped": "skipped",
    "flagged": "flagged",
    "touched": "settled",
}


def short_kind(kind: str) -> str:
    """Word for a kind of peak; kinds that are not known speak for themselves."""
    return SHORT_KINDS.get(kind, kind.capitalize())


def listed_text(n_listed: int, total: int, n_open: int, *, n_unusable: int = 0) -> str:
    """How much of the queue is listed, e.g. "11 of 110 listed · 9 open"."""
    if total == 0 and not n_unusable:
        return "The draws agree everywhere: nothing to list."
    said = f"{n_listed} of {total} listed · {n_open} open"
    if n_listed == 0:
        said = f"None of the {total} places passes the filters."
    if not n_unusable:
        return said
    return f"{said} · {_counted(n_unusable, 'image')} unusable"


def stop_text(statistics: ReviewStatistics) -> str:
    """Hint that the review hardly pays any longer; empty while it does, or once it is done."""
    if not statistics.may_stop or statistics.open == 0:
        return ""
    needed = statistics.recent_edited or "None"
    left = 100 * (1 - statistics.mass_share)
    places = "place holds" if statistics.open == 1 else "places hold"
    return (
        f"{needed} of the last {statistics.recent} needed an edit, and the {statistics.open} open "
        f"{places} {left:.0f} % of the uncertainty: this may be the time to stop."
    )


def end_text(progress: FolderProgress, n_open: int) -> str:
    """Message where no listed place is open; empty where ``n_open`` still are, or none ever was."""
    statistics = progress.peaks
    if n_open or statistics.total == 0:
        return ""
    summary = summary_text(statistics)
    if progress.n_images > 1:
        images = f"{progress.n_done} of {progress.n_images} images done"
        summary = f"{images}, {_counted(progress.n_edits, 'edit')}. {summary}"
    if statistics.open == 0:
        skipped = " Skipped ones can be listed by their status." if statistics.skipped else ""
        return f"End of the queue. {summary}{skipped}"
    are = "1 is" if statistics.open == 1 else f"{statistics.open} are"
    return f"No listed place is open; {are} filtered out. {summary}"


def folder_text(progress: FolderProgress, image: int, name: str) -> str:
    """Where in a folder one is, e.g. "Image 2 of 22: C04 · 5 done · 12 edits".

    Parameters
    ----------
    progress : FolderProgress
        How far all images are.
    image : int
        Index of the image.
    name : str
        Its name.
    """
    edits = _counted(progress.n_edits, "edit")
    return f"Image {image + 1} of {progress.n_images}: {name} · {progress.n_done} done · {edits}"


def summary_text(statistics: ReviewStatistics) -> str:
    """What became of the places, e.g. "57 places: 40 accepted, 12 settled by an edit, 5 open"."""
    counts = {
        "accepted": statistics.accepted,
        "settled by an edit": statistics.touched,
        "flagged": statistics.flagged,
        "skipped": statistics.skipped,
        "open": statistics.open,
    }
    places = _counted(statistics.total, "place")
    parts = [f"{count} {state}" for state, count in counts.items() if count]
    return f"{places}: {', '.join(parts)}." if parts else "No place to review."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
