"""The table of peaks: what is listed, in which order, and what a click does."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel

from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.folder_review import FolderProgress, FolderReview
from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.core.curation.peak_filter import PeakFilter
from napari_probinst.core.curation.review import ReviewStatistics
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.inference.jitter import jitter_mass
from napari_probinst.core.instances import Peak
from napari_probinst.widgets.proofreading.queue_model import (
    IMAGE,
    KIND,
    RANK,
    REASON,
    SCORE,
    STATUS,
    QueueModel,
)
from napari_probinst.widgets.proofreading.queue_table import QueueTable
from napari_probinst.widgets.proofreading.queue_view import QueueView
from napari_probinst.widgets.proofreading.queue_words import (
    Notice,
    end_notice,
    folder_text,
    hidden_text,
    listed_text,
    short_reason,
    stop_notice,
    summary_text,
)
from napari_probinst.widgets.proofreading.words import statistics_text

ASCENDING, DESCENDING = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
#: Kind and entropy mass of the peaks, by rank; the outlines of the last two are jitter.
PEAKS = [("merge", 90.0), ("contour", 40.0), ("spurious", 20.0), ("contour", 9.0), ("contour", 9.0)]


@pytest.fixture
def make_session(make_prediction):
    """Session of four bars; peak i is about bar i modulo 4."""

    def make(peaks=PEAKS):
        found = tuple(
            Peak(4 * rank, 0, ((rank - 1) % 4,), 0.6, mass, rank, kind, f"reason {-rank}")
            for rank, (kind, mass) in enumerate(peaks, start=1)
        )
        return CurationSession(replace(make_prediction(), peaks=found))

    return make


class Reviewer:
    """Somebody with a mouse and a keyboard in front of the table alone."""

    def __init__(self, qtbot, session):
        self.qtbot, self.session = qtbot, session
        self.visited, self.chosen, self.review = [], 0, None
        self.table = QueueTable()
        self.table.visited.connect(self.visit)
        self.table.filter_chosen.connect(self.count)
        self.view = self.table.findChild(QueueView)
        # Keeps us alive until the table is closed: a widget that is collected as garbage while Qt
        # paints it is a crash.
        qtbot.addWidget(self.table, before_close_func=lambda _table: self.visited.clear())
        self.table.resize(420, 400)
        self.table.show()
        self.follow()

    def visit(self, row):
        self.visited.append(row)
        self.session.position = row
        self.follow()

    def count(self):
        self.chosen += 1

    def follow(self):
        known = self.review.images[0] if self.review else ImageReview.of(self.session)
        now = known.following(self.session)
        self.review = self.review.updated(0, now) if self.review else FolderReview.of([now])
        self.table.show_review(self.review, self.session.position)

    def click(self, row):
        place = self.view.visualRect(self.view.model().index(row, KIND)).center()
        self.qtbot.mouseClick(self.view.viewport(), Qt.MouseButton.LeftButton, pos=place)

    def click_title(self, column):
        """Click a title; return the order that it shows then, and the first row's score."""
        titles = self.view.horizontalHeader()
        x = titles.sectionViewportPosition(column) + titles.sectionSize(column) // 2
        place = QPoint(x, titles.height() // 2)
        self.qtbot.mouseClick(titles.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert titles.sortIndicatorSection() == column
        return titles.sortIndicatorOrder(), self.view.model().index(0, SCORE).data()

    def choose(self, name, text):
        combo = self.table.findChild(QComboBox, name)
        combo.setCurrentText(text)
        combo.activated.emit(combo.currentIndex())

    def show_jitter(self, shown=True):
        self.table.findChild(QCheckBox).setChecked(not shown)

    def text(self, name):
        return self.table.findChild(QLabel, name).text()

    def cells(self, column):
        model = self.view.model()
        return [model.index(row, column).data() for row in range(model.rowCount())]

    @property
    def listed(self):
        return list(self.table.listed())

    @property
    def highlighted(self):
        rows = {index.row() for index in self.view.selectedIndexes()}
        return [self.listed[row] for row in rows]


@pytest.fixture
def reviewer(qtbot, make_session):
    return Reviewer(qtbot, make_session())


def test_edits_needed_are_told_once_something_was_decided():
    edited = ReviewStatistics(4, 3, 0, 0, 0, 1, 0.4, 1, 1)
    first = ReviewStatistics(4, 3, 1, 0, 0, 0, 0.4, 1, 0)
    accepted = ReviewStatistics(4, 2, 1, 0, 0, 1, 0.6, 2, 1)
    said = [statistics_text(FolderProgress(1, 0, 1, each)) for each in (edited, first, accepted)]
    assert said[0] == said[1] == "1 reviewed: 40 % of the uncertainty"
    assert said[2].endswith("1 of the last 2 needed an edit")


def test_hidden_outlines_are_not_told_a_second_time_beside_their_box():
    told = [
        statistics_text(FolderProgress(1, 0, 1, statistics(), n_hidden, 5)) for n_hidden in (5, 8)
    ]
    assert "hidden" not in told[0]
    assert told[1].endswith("8 places hidden")


def test_jitter_is_hidden_until_it_is_asked_for(reviewer):
    assert reviewer.listed == [0, 1, 2]
    assert reviewer.table.peak_filter == PeakFilter(least_contour_mass=jitter_mass(4))
    assert reviewer.cells(KIND) == ["Merge?", "Outline", "Spurious?"]
    assert reviewer.cells(SCORE) == ["90", "40", "20"]
    assert reviewer.text("listed") == "3 of 5 · 3 open"
    assert reviewer.table.findChild(QCheckBox).text() == "Hide jitter (2)"
    reviewer.show_jitter()
    assert reviewer.listed == [0, 1, 2, 3, 4]
    assert reviewer.chosen == 1
    assert reviewer.table.peak_filter == PeakFilter()


def test_filters_keep_the_current_peak_and_lead_the_walk(reviewer):
    reviewer.show_jitter()
    reviewer.choose("kinds", "Uncertain outline")
    # The place that one is at is listed, though it is no outline, and isn't counted.
    assert reviewer.listed == [0, 1, 3, 4]
    assert reviewer.highlighted == [0]
    assert reviewer.text("listed") == "3 of 5 · 3 open"
    queue, chosen = reviewer.session.queue, reviewer.table.peak_filter
    assert [queue.next(0, chosen), queue.next(1, chosen), queue.next(4, chosen)] == [1, 3, None]
    reviewer.session.decide(3, "accepted")
    reviewer.visit(4)
    assert reviewer.listed == [1, 3, 4]
    reviewer.choose("statuses", "Accepted")
    assert reviewer.listed == [3, 4]
    reviewer.choose("kinds", "All but outlines")
    assert reviewer.listed == [4]
    assert reviewer.text("listed") == "None of the 5 places passes the filters."
    # The merge that is listed in another state is open yet.
    assert reviewer.table.notice is None
    reviewer.session.decide(0, "accepted")
    reviewer.session.decide(2, "skipped")
    reviewer.follow()
    assert reviewer.table.notice.title == "End of the queue"
    assert reviewer.table.notice.text.endswith("3 contour places hidden.")
    reviewer.table.show_hidden()
    assert reviewer.table.notice is None


def test_touched_peaks_go_but_the_user_stays(reviewer):
    reviewer.session.position = 1
    reviewer.follow()
    reviewer.session.apply(Delete((2, 3)))
    reviewer.follow()
    assert reviewer.listed == [0, 1]
    assert reviewer.highlighted == [1]
    assert reviewer.cells(STATUS) == ["open", "settled"]
    reviewer.choose("statuses", "Every status")
    assert reviewer.listed == [0, 1, 2]
    reviewer.session.undo()
    reviewer.follow()
    assert reviewer.cells(STATUS) == ["open", "open", "open"]


@pytest.mark.parametrize(
    ("column", "order", "expected"),
    [
        (0, DESCENDING, [4, 3, 2, 1, 0]),
        (KIND, ASCENDING, [1, 3, 4, 0, 2]),
        # What ties stays in the order of its rank, whichever way it is sorted.
        (KIND, DESCENDING, [2, 0, 1, 3, 4]),
        (SCORE, ASCENDING, [3, 4, 2, 1, 0]),
        (REASON, DESCENDING, [4, 3, 2, 1, 0]),
        (STATUS, DESCENDING, [2, 1, 0, 3, 4]),
    ],
)
def test_sorting(reviewer, column, order, expected):
    reviewer.show_jitter()
    reviewer.session.decide(1, "accepted")
    reviewer.session.decide(2, "flagged")
    reviewer.follow()
    reviewer.view.sortByColumn(column, order)
    assert reviewer.listed == expected
    assert reviewer.highlighted == [0]


def test_first_click_on_a_title_puts_first_what_matters(reviewer):
    reviewer.show_jitter()
    said = [reviewer.click_title(column) for column in (SCORE, SCORE, RANK, KIND, SCORE)]
    assert [order for order, _ in said] == [DESCENDING, ASCENDING, ASCENDING, ASCENDING, DESCENDING]
    assert [score for _, score in said] == ["90", "9.0", "90", "40", "90"]


def test_click_leads_to_a_peak_and_leaves_the_keyboard(reviewer):
    reviewer.view.sortByColumn(SCORE, ASCENDING)
    reviewer.click(0)
    assert reviewer.visited == [2]
    assert reviewer.highlighted == [2]
    assert reviewer.view.focusPolicy() == Qt.FocusPolicy.TabFocus


def test_refused_visit_takes_the_highlight_back(qtbot, make_session):
    reviewer = Reviewer(qtbot, make_session())
    reviewer.table.visited.disconnect(reviewer.visit)
    reviewer.click(2)
    assert reviewer.highlighted == [0]


def test_arrows_move_and_enter_leads_there(reviewer, qtbot):
    qtbot.keyClick(reviewer.view, Qt.Key.Key_Down)
    assert reviewer.visited == []
    qtbot.keyClick(reviewer.view, Qt.Key.Key_Return)
    assert reviewer.visited == [1]


def test_letters_are_left_to_the_canvas(reviewer, qtbot):
    heard = []
    reviewer.table.keyPressEvent = lambda event: heard.append(event.text())
    qtbot.keyClick(reviewer.view, Qt.Key.Key_N)
    assert heard == ["n"]


def test_only_rows_that_changed_are_told(reviewer):
    told, resets = [], []
    model = reviewer.view.model()
    model.dataChanged.connect(lambda first, last: told.append((first.row(), last.row())))
    model.modelReset.connect(lambda: resets.append(True))
    reviewer.follow()
    reviewer.session.decide(2, "skipped")
    reviewer.follow()
    assert told == [(2, 2)]
    assert resets == []


@pytest.mark.parametrize("count", [0, 1])
def test_shortest_queues(qtbot, make_session, count):
    reviewer = Reviewer(qtbot, make_session(PEAKS[:count]))
    assert reviewer.listed == list(range(count))
    assert reviewer.highlighted == list(range(count))
    reviewer.table.show_review(None, None)
    assert reviewer.listed == []
    assert reviewer.text("listed") == ""
    assert not reviewer.table.isEnabled()


def test_very_many_peaks_are_asked_for_only_where_seen(qtbot, make_session, monkeypatch):
    session = make_session([("split", float(20_000 - rank)) for rank in range(20_000)])
    asked = []
    data = QueueModel.data
    monkeypatch.setattr(
        QueueModel, "data", lambda self, *args: asked.append(args) or data(self, *args)
    )
    reviewer = Reviewer(qtbot, session)
    reviewer.view.sortByColumn(SCORE, ASCENDING)
    reviewer.visit(10_000)
    reviewer.table.grab()
    assert len(reviewer.listed) == 20_000
    assert reviewer.highlighted == [10_000]
    assert 0 < len(asked) < 5_000
    place = reviewer.view.visualRect(reviewer.view.currentIndex())
    assert reviewer.view.viewport().rect().contains(place.center())


def test_titles_and_filters_answer_at_once_with_very_many_peaks(qtbot, make_session):
    reviewer = Reviewer(qtbot, make_session([("split", 9.0), ("merge", 90.0)] * 10_000))
    times = []

    def timed(act, *arguments):
        began = time.process_time()
        act(*arguments)
        reviewer.table.grab()
        times.append(time.process_time() - began)

    for column in (SCORE, KIND, REASON, STATUS, RANK):
        timed(reviewer.click_title, column)
    for text in ("Likely false merge", "All kinds"):
        timed(reviewer.choose, "kinds", text)
    timed(reviewer.show_jitter)
    timed(reviewer.click, 3)
    assert len(reviewer.listed) == 20_000
    assert max(times) < 0.3


def test_place_in_the_list_is_kept_when_rows_go(qtbot, make_session):
    reviewer = Reviewer(qtbot, make_session([("split", 50.0)] * 300))
    reviewer.visit(200)
    top = reviewer.view.indexAt(reviewer.view.viewport().rect().topLeft()).row()
    reviewer.session.apply(Delete((2,)))
    reviewer.follow()
    gone = 75
    assert len(reviewer.listed) == 300 - gone
    assert reviewer.highlighted == [200]
    place = reviewer.view.visualRect(reviewer.view.currentIndex())
    assert reviewer.view.viewport().rect().contains(place.center())
    assert top > 0


def test_place_of_a_queue_that_takes_the_place_of_none_is_in_view(qtbot, make_session):
    reviewer = Reviewer(qtbot, make_session([("split", 50.0)] * 300))
    reviewer.table.show_review(None, None)
    qtbot.wait(20)
    reviewer.visit(200)
    place = reviewer.view.visualRect(reviewer.view.currentIndex())
    assert reviewer.view.viewport().rect().contains(place.center())


def test_current_row_stays_in_view_in_a_lower_table_unless_it_was_scrolled_away(
    qtbot, make_session
):
    reviewer = Reviewer(qtbot, make_session([("split", 50.0)] * 300))
    view = reviewer.view

    def sees(row):
        place = view.visualRect(view.model().index(row, RANK))
        return view.viewport().rect().contains(place)

    reviewer.visit(9)
    reviewer.table.resize(420, 200)
    qtbot.wait(20)
    assert sees(9)
    view.scrollToBottom()
    reviewer.table.resize(420, 180)
    qtbot.wait(20)
    assert not sees(9)


def test_reason_is_told_in_words_or_by_its_votes(reviewer):
    delegate = reviewer.view.itemDelegateForColumn(REASON)
    reason = "6 of 8 draws see one instance here, 2 see two"
    assert delegate.displayText(reason, None) == reason
    # As wide as the dock is at first.
    reviewer.table.resize(306, 400)
    assert not reviewer.view.isColumnHidden(REASON)
    assert delegate.displayText(reason, None) == "6 of 8"
    least = reviewer.view.fontMetrics().horizontalAdvance("6 of 8")
    assert reviewer.view.columnWidth(REASON) > least
    assert "reason -1" in reviewer.view.model().index(0, KIND).data(Qt.ItemDataRole.ToolTipRole)


@pytest.fixture
def folder_table(qtbot, make_session):
    """Table over the images A, of 3 places that weigh much, and B, of 2."""
    a = ImageReview.of(make_session([("merge", 90.0), ("split", 80.0), ("split", 30.0)]))
    b = ImageReview.of(make_session([("merge", 85.0), ("split", 20.0)]))
    images = [replace(a, name="A"), replace(b, name="B")]
    visited, orders = [], []
    table = QueueTable()
    table.visited.connect(visited.append)
    table.order_chosen.connect(orders.append)
    qtbot.addWidget(table)
    table.resize(420, 300)
    table.show()
    review = FolderReview.of(images)
    table.show_review(review, 0)
    return table, review, visited, orders


def column_of(table, column):
    model = table.findChild(QueueView).model()
    return [model.index(row, column).data() for row in range(model.rowCount())]


@pytest.mark.parametrize(("width", "hidden"), [(280, True), (350, True), (600, False)])
def test_long_names_leave_the_other_columns_their_room(folder_table, width, hidden):
    table, review, *_ = folder_table
    images = [replace(image, name=40 * "plate" + image.name) for image in review.images]
    table.show_review(FolderReview.of(images), 0)
    view = table.findChild(QueueView)
    view.resize(width, 200)
    texts = {RANK: "999", KIND: "Spurious?", SCORE: "99999", STATUS: "accepted", IMAGE: "p…A"}
    for column, text in texts.items():
        assert view.columnWidth(column) > view.fontMetrics().horizontalAdvance(text)
    assert view.isColumnHidden(REASON) == hidden
    assert view.horizontalHeader().length() <= view.viewport().width()
    tooltip = view.model().index(0, IMAGE).data(Qt.ItemDataRole.ToolTipRole)
    assert images[0].name in tooltip


def test_several_images_have_a_column_a_filter_and_an_order(folder_table):
    table, review, _, orders = folder_table
    view = table.findChild(QueueView)
    assert column_of(table, IMAGE) == ["A", "A", "A", "B", "B"]
    assert column_of(table, 0) == ["1", "2", "3", "1", "2"]
    assert not view.isColumnHidden(IMAGE)
    view.sortByColumn(IMAGE, DESCENDING)
    assert column_of(table, IMAGE) == ["B", "B", "A", "A", "A"]
    view.sortByColumn(0, ASCENDING)

    images = table.findChild(QComboBox, "images")
    images.setCurrentText("This image")
    images.activated.emit(1)
    assert column_of(table, IMAGE) == ["A", "A", "A"]
    # The filter goes with the curator.
    table.show_review(review, 3)
    assert column_of(table, IMAGE) == ["B", "B"]

    table.findChild(QComboBox, "orders").activated.emit(1)
    assert orders == ["score"]
    images.setCurrentText("All images")
    table.show_review(review.ordered("score"), 0)
    assert column_of(table, IMAGE) == ["A", "B", "A", "A", "B"]
    assert column_of(table, 0) == ["1", "2", "3", "4", "5"]
    table.show_review(FolderReview.of(review.images[:1]), 0)
    assert view.isColumnHidden(IMAGE)
    assert not images.isVisible()


def test_unusable_images_are_counted_and_told(folder_table):
    table, review, *_ = folder_table
    broken = review.images[1].unusable("B.prediction.npz is damaged.")
    table.show_review(review.updated(1, broken), 0)
    listed = table.findChild(QLabel, "listed")
    assert listed.text() == "3 of 3 · 3 open · 1 image unusable"
    assert listed.toolTip() == "B: B.prediction.npz is damaged."


def test_a_plate_of_images_stays_quick(qtbot, monkeypatch):
    peaks = tuple(
        Peak(0, 0, (0,), 0.6, 100.0 - rank, rank, "merge", "reason") for rank in range(1, 101)
    )
    images = [
        ImageReview(f"{well:03}", peaks=peaks, states=np.zeros(100, np.uint8), uncertainty=-well)
        for well in range(384)
    ]
    review = FolderReview.of(images)
    asked = []
    data = QueueModel.data
    monkeypatch.setattr(
        QueueModel, "data", lambda self, *args: asked.append(args) or data(self, *args)
    )
    table = QueueTable()
    # Held until it is closed: collected as garbage while Qt paints it, it is a crash.
    qtbot.addWidget(table, before_close_func=lambda _, held=table: held.hide())
    table.show()
    table.show_review(review, 0)
    began = time.process_time()
    for row in range(20):
        image, peak = review.place(row)
        states = review.images[image].states.copy()
        states[peak] = 1
        review = review.updated(image, replace(review.images[image], states=states))
        table.show_review(review, row + 1)
    # Qt asks only for what is in view.
    assert time.process_time() - began < 20 * 0.05
    table.grab()
    assert len(table.listed()) == 38_400
    assert 0 < len(asked) < 5_000


def test_model_is_what_qt_expects(reviewer, qtmodeltester):
    qtmodeltester.check(reviewer.view.model())
    reviewer.show_jitter()
    reviewer.view.sortByColumn(KIND, DESCENDING)


def statistics(**counts):
    none = dict.fromkeys(("open", "accepted", "skipped", "flagged", "touched"), 0)
    rest = {"mass_share": 0.84, "recent": 10, "recent_edited": 0} | counts
    rest = none | rest
    return ReviewStatistics(total=sum(rest[name] for name in none), **rest)


def one(**counts):
    """How far a single image is."""
    return FolderProgress(1, 0, 0, statistics(**counts))


def test_words():
    assert listed_text(0, 0, 0) == "The draws agree everywhere: nothing to list."
    assert stop_notice(one(open=5, accepted=10, recent_edited=2)) is None
    assert stop_notice(one(accepted=10)) is None
    assert stop_notice(one(open=90, accepted=10)).text == (
        "None of the last 10 needed an edit, and what is open holds 16 % of the uncertainty."
    )
    assert "1 of the last 10" in stop_notice(one(open=1, accepted=10, recent_edited=1)).text
    assert summary_text(statistics(accepted=40, touched=12, skipped=5)) == (
        "40 accepted, 12 settled by an edit, 5 skipped"
    )
    assert end_notice(one(open=3)) is end_notice(one()) is None
    assert end_notice(one(accepted=1)) == Notice(
        "End of the queue", "1 accepted · 0 edits · 84 % of the uncertainty reviewed."
    )
    many = FolderProgress(3, 2, 1, statistics(touched=2), n_hidden=131, n_hidden_contours=131)
    assert end_notice(many).text == (
        "2 of 3 images done · 2 settled by an edit · 1 edit · 84 % of the uncertainty reviewed. "
        "131 contour places hidden."
    )
    nothing = FolderProgress(1, 1, 0, statistics(), n_hidden=2, n_hidden_contours=1)
    assert end_notice(nothing) == Notice("No place is listed", "2 places hidden.")
    assert [
        short_reason(reason)
        for reason in (
            "4 of 6 draws see one instance here, 1 sees none, 1 sees 12",
            "all 8 draws see two instances here, their outlines differ",
            "both draws see no instance here, but not the same",
        )
    ] == ["4 of 6", "8 of 8", "2 of 2"]
    assert hidden_text(FolderProgress(1, 1, 0, statistics(), 1, 1)) == "1 contour place"
    assert folder_text(FolderProgress(22, 5, 12, statistics(open=9)), 1, "C04") == (
        "Image 2 of 22: C04 · 5 done · 12 edits"
    )
    planes = FolderProgress(3, 3, 1, statistics(touched=2), unit="plane")
    assert folder_text(planes, 1, "film [1]") == "Plane 2 of 3: film [1] · 3 done · 1 edit"
    assert end_notice(planes).text.startswith("3 of 3 planes done")
    assert listed_text(1, 9, 1, n_unusable=2) == "1 of 9 · 1 open · 2 images unusable"
