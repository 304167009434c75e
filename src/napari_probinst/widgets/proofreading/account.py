"""What a review took and what it is worth: the time, the audit, and the scores where there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.utils.notifications import show_error, show_info

from napari_probinst.core.curation.audit import AUDIT_SUFFIX, write_audit
from napari_probinst.core.curation.manifest import SESSION_SUFFIX
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets.fold import Fold
from napari_probinst.widgets.proofreading.before_after import BeforeAfterView
from napari_probinst.widgets.proofreading.timer import TimeRow

if TYPE_CHECKING:
    from napari_probinst.widgets.layers import ShownPrediction


class ReviewAccount:
    """Two widgets that follow the prediction that is worked on.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer that the dock belongs to.

    Attributes
    ----------
    time : TimeRow
        Time worked, pause, and audit.
    before_after : BeforeAfterView
        Scores against a truth that the user chooses.
    fold : Fold
        Holds ``before_after`` under its title.
    """

    def __init__(self, viewer: Any) -> None:
        self._shown: ShownPrediction | None = None
        self.time = TimeRow(viewer, self.write_audit)
        self.before_after = BeforeAfterView(viewer)
        self.fold = Fold("Before / after", self.before_after)

    def follow(self, shown: ShownPrediction | None) -> None:
        """Tell of a prediction that is worked on, after every change of it; of None, nothing."""
        self._shown = shown
        session = None if shown is None else shown.session
        self.time.follow(session)
        self.before_after.show_session(session, () if shown is None else shown.plane)

    def write_audit(self) -> None:
        """Write what was done beside the session, ``NAME.audit.csv``."""
        path = None if self._shown is None or self._shown.kept is None else self._shown.kept.path
        if self._shown is None or path is None:
            show_info("There is nothing to audit yet: a session begins with the first correction.")
            return
        table = path.with_name(path.name.removesuffix(SESSION_SUFFIX) + AUDIT_SUFFIX)
        try:
            write_audit(self._shown.session, table)
        except OutputError as error:
            show_error(str(error))
        else:
            show_info(f"Written: {table}")

    def close(self) -> None:
        """Stop the time, and let go of the viewer."""
        self.time.stop()
        self.before_after.close_view()
