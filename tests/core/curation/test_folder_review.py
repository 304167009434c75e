"""The queue over a folder: order, walking across images, what is done, and where it was left."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.curation.folder_place import PLACE_NAME, FolderPlace
from napari_probinst.core.curation.folder_review import FolderReview
from napari_probinst.core.curation.folder_scan import FolderContent, scan
from napari_probinst.core.curation.image_files import find_image_files
from napari_probinst.core.curation.image_review import ImageReview
from napari_probinst.core.curation.manifest import JOURNAL
from napari_probinst.core.curation.peak_filter import STATUSES, PeakFilter
from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.image_ranking import rank_results
from napari_probinst.core.instances import Peak

OPEN, ACCEPTED, SKIPPED, FLAGGED, TOUCHED = range(5)
ANY = PeakFilter()


def image(name, *masses, uncertainty=None, states=None, **more):
    """Review of an image whose peaks have these entropy masses, by rank."""
    peaks = tuple(
        Peak(0, 0, (rank - 1,), 0.5, mass, rank, "merge", "")
        for rank, mass in enumerate(masses, start=1)
    )
    return ImageReview(
        name,
        peaks=peaks,
        states=np.array(states or [OPEN] * len(masses), dtype=np.uint8),
        uncertainty=sum(masses) if uncertainty is None else uncertainty,
        position=0 if peaks else None,
        **more,
    )


@pytest.fixture
def images():
    """A has peaks of 3 and 2 nats, B of 9 and 1, C none."""
    return [image("A", 3.0, 2.0), image("B", 9.0, 1.0), image("C")]


def walked(review, among=ANY):
    """Places as (name, peak) in the order in which Next leads through them."""
    rows = np.flatnonzero(review.passing(among)).tolist()
    places = [review.place(row) for row in rows]
    return [(review.images[index].name, peak) for index, peak in places]


def test_most_uncertain_image_comes_first_and_is_finished_before_the_next(images):
    review = FolderReview.of(images)
    assert [each.name for each in review.images] == ["B", "A", "C"]
    assert walked(review) == [("B", 0), ("B", 1), ("A", 0), ("A", 1)]
    assert (review.next(1), review.previous(2), review.next(3)) == (2, 1, None)


def test_by_score_the_images_take_turns(images):
    review = FolderReview.of(images).ordered("score")
    assert walked(review) == [("B", 0), ("A", 0), ("A", 1), ("B", 1)]
    assert [review.row(*review.place(row)) for row in range(4)] == [0, 1, 2, 3]
    assert walked(review.ordered("image")) == walked(FolderReview.of(images))
    assert review.peak(3).mass == 1.0


def test_next_open_goes_on_in_other_images_and_begins_again(images):
    review = FolderReview.of(images)
    review = review.updated(0, image("B", 9.0, 1.0, states=[ACCEPTED, ACCEPTED]))
    assert review.next_open(1) == 2
    done = review.updated(1, image("A", 3.0, 2.0, states=[OPEN, FLAGGED]))
    assert done.next_open(3) == 2
    assert done.next_open(2) is None


def test_one_image_alone_is_listed_when_it_is_asked_for(images):
    review = FolderReview.of(images)
    only = replace(ANY, image=1)
    assert walked(review, only) == [("A", 0), ("A", 1)]
    assert review.n_open(only) == 2
    # What is done is counted in all images all the same.
    assert review.n_open_by_image(only).tolist() == [2, 2, 0]


def test_news_of_an_image_leave_the_rows_and_the_older_review_alone(images):
    review = FolderReview.of(images, "score")
    known = review.images[1]
    news = replace(known, states=np.array([TOUCHED, OPEN], dtype=np.uint8), n_edits=1)
    later = review.updated(1, news)
    assert later.rows is review.rows
    assert [STATUSES[state] for state in later.states()] == ["open", "touched", "open", "open"]
    assert set(review.states().tolist()) == {OPEN}
    assert later.progress(ANY).n_edits == 1


def test_unusable_image_leaves_the_walk_and_keeps_its_place_in_the_order(images):
    review = FolderReview.of(images)
    review = review.updated(0, review.images[0].unusable("B is damaged."))
    assert [each.name for each in review.images] == ["B", "A", "C"]
    assert walked(review) == [("A", 0), ("A", 1)]
    assert review.index_of("B") is None
    assert review.index_of("A") == 1
    assert review.progress(ANY).n_images == 2


def test_progress_counts_images_peaks_and_edits(images):
    b = image("B", 9.0, 1.0, states=[ACCEPTED, TOUCHED], n_edits=2, moment="2", recent=(True,))
    a = image("A", 3.0, 2.0, states=[FLAGGED, OPEN], moment="3", recent=(False,) * 9)
    progress = FolderReview.of([a, b, images[2]]).progress(ANY)
    assert (progress.n_images, progress.n_done, progress.n_edits) == (3, 2, 2)
    assert (progress.peaks.reviewed, progress.peaks.total) == (3, 4)
    assert progress.peaks.mass_share == pytest.approx(13 / 15)
    # A was worked on later: its nine come before the one of B.
    assert (progress.peaks.recent, progress.peaks.recent_edited) == (10, 1)


@pytest.mark.parametrize("images", [[], [image("A")], [image("A"), image("B")]])
def test_without_places_there_is_nowhere_to_go(images):
    review = FolderReview.of(images)
    assert len(review) == 0
    assert review.latest is None
    assert review.progress(ANY).n_done == len(images)
    assert review.n_open_by_image(ANY).tolist() == [0] * len(images)


def test_an_image_is_begun_where_it_was_left_else_at_its_first_open_peak(images):
    a = image("A", 3.0, 2.0, 1.0, states=[ACCEPTED, OPEN, OPEN])
    review = FolderReview.of([a, replace(images[1], position=1, moment="2026")])
    assert review.latest == 0
    assert (review.first_open(0, ANY), review.first_open(1, ANY)) == (1, 1)
    assert review.first_open(1, PeakFilter(kinds=frozenset())) == 0
    # What was noted apart counts where no journal tells more, and the peak is there.
    assert review.first_open(1, ANY, FolderPlace("A", 2)) == 2
    assert review.first_open(1, ANY, FolderPlace("A", 3)) == 1
    assert review.first_open(1, ANY, FolderPlace("B", 2)) == 1
    assert review.first_open(0, ANY, FolderPlace("B", 0)) == 1


def test_planes_are_called_planes_in_every_order():
    review = FolderReview.of([image("A", 2.0), image("B", 3.0)], "image", "plane")
    for again in (review.ordered("score"), review.updated(0, image("C", 1.0))):
        assert again.progress(ANY).unit == again.unit == "plane"


@given(
    st.lists(st.lists(st.integers(1, 4), max_size=4), max_size=5),
    st.sampled_from(["image", "score"]),
    st.data(),
)
@settings(derandomize=True, max_examples=30, deadline=None)
def test_every_walk_is_what_a_plain_loop_finds(masses, order, data):
    reviewed = [
        image(f"{index}", *each, states=[data.draw(st.integers(0, 4)) for _ in each])
        for index, each in enumerate(masses)
    ]
    review = FolderReview.of(reviewed, order)
    ranked = sorted(reviewed, key=lambda each: (-each.uncertainty, each.name))
    peaks = [(each, number) for each in ranked for number in range(len(each.peaks))]
    if order == "score":
        peaks.sort(key=lambda peak: -peak[0].peaks[peak[1]].mass)
    passing = [each.states[number] != TOUCHED for each, number in peaks]
    assert walked(review) == [
        (each.name, number) for (each, number), good in zip(peaks, passing, strict=True) if good
    ]
    for row in range(len(peaks)):
        after = [later for later in range(row + 1, len(peaks)) if passing[later]]
        before = [earlier for earlier in range(row) if passing[earlier]]
        assert review.next(row) == (after[0] if after else None)
        assert review.previous(row) == (before[-1] if before else None)


# On the disk ---------------------------------------------------------------------------------


def two_bars():
    """Masks of 15 x 4 pixels each, at the left and at the right."""
    masks = np.zeros((2, 16, 12), dtype=bool)
    masks[0, 1:, :4] = masks[1, 1:, 8:] = True
    return list(masks)


@pytest.fixture
def folder(tmp_path, make_prediction):
    """Predictions C04 of two bars and C05 of one; a session of C04 with an edit and decisions."""
    bars = two_bars()
    prediction = make_prediction(bars, peaks=[(0, 0, (0,)), (2, 2, (1,)), (2, 3, (0, 1))])
    save_prediction(prediction, tmp_path / "C04.prediction.npz")
    other = make_prediction(bars[:1], peaks=[(0, 0, (0,))], name="C05")
    save_prediction(other, tmp_path / "C05.prediction.npz")
    with create_session(prediction, tmp_path / "C04.probinst") as opened:
        session = opened.session
        session.decide(0, "accepted")
        session.decide(0, "flagged")
        session.undo()
        session.position = 1
        session.apply(Delete((2,)))
        session.decide(2, "skipped")
        session.undo()
        session.redo()
    return tmp_path


def reviews_of(folder, *elsewhere):
    return {review.name: review for review in scan(FolderContent.of(folder), elsewhere)}


def test_journal_tells_the_same_as_the_session_that_wrote_it(folder, make_prediction):
    review = reviews_of(folder)["C04"]
    assert [STATUSES[state] for state in review.states] == ["accepted", "touched", "skipped"]
    assert (review.position, review.n_edits) == (1, 1)
    assert review.recent == (True, False)
    assert review.path == folder / "C04.prediction.npz"
    assert reviews_of(folder)["C05"].moment == "" < review.moment


def test_images_are_ordered_as_rank_orders_them(folder):
    review = FolderReview.of(reviews_of(folder).values())
    ranked = rank_results(folder)
    assert [each.name for each in review.images] == [each.image for each in ranked]
    assert [each.uncertainty for each in review.images] == [each.entropy for each in ranked]


def test_images_in_memory_are_ordered_as_those_of_a_folder(tmp_path, make_prediction):
    sure = make_prediction(two_bars(), peaks=[(0, 0, (0,))])
    seen_once = [replace(one, counts=one.counts // 2) for one in sure.instances.instances]
    unsure = replace(sure, instances=replace(sure.instances, instances=tuple(seen_once)))
    save_prediction(unsure, tmp_path / "C04.prediction.npz")
    in_memory = ImageReview.of(CurationSession(unsure)).uncertainty
    assert in_memory == reviews_of(tmp_path)["C04"].uncertainty
    assert in_memory == pytest.approx(2 * 60 * np.log(2))


def test_session_elsewhere_counts_and_that_of_another_prediction_does_not(
    folder, tmp_path_factory, make_prediction
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "C04.probinst").rename(elsewhere / "C04.probinst")
    assert reviews_of(folder)["C04"].moment == ""
    assert reviews_of(folder, elsewhere)["C04"].n_edits == 1
    changed = make_prediction(two_bars()[1:], peaks=[(0, 1, (0,))])
    save_prediction(changed, folder / "C04.prediction.npz")
    assert reviews_of(folder, elsewhere)["C04"].moment == ""


def test_session_alone_is_an_image_and_the_one_that_goes_farthest_counts(folder, make_prediction):
    (folder / "C04.prediction.npz").unlink()
    review = reviews_of(folder)["C04"]
    assert review.path == folder / "C04.probinst"
    assert review.n_edits == 1
    # A second, shorter session of the same prediction is passed over.
    again = make_prediction(
        two_bars(),
        peaks=[(0, 0, (0,)), (2, 2, (1,)), (2, 3, (0, 1))],
    )
    create_session(again, folder / "C04-2.probinst").close()
    assert reviews_of(folder)["C04"].path == folder / "C04.probinst"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("C04.prediction.npz", b"no archive", "not a complete prediction"),
        ("C04.probinst/" + JOURNAL, b'{"kind":"edit"}\n', "no journal"),
    ],
)
def test_bad_file_is_told_and_the_others_are_read(folder, name, content, said):
    (folder / name).write_bytes(content)
    reviews = reviews_of(folder)
    assert said in reviews["C04"].problem
    assert reviews["C04"].peaks == ()
    assert len(reviews["C05"].peaks) == 1


def test_damaged_manifest_is_told_where_the_session_is_all_there_is(folder):
    (folder / "C04.prediction.npz").unlink()
    (folder / "C04.probinst" / "manifest.json").write_text("{")
    assert "damaged" in reviews_of(folder)["C04"].problem


def test_folder_without_predictions_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no predictions"):
        FolderContent.of(tmp_path)
    with pytest.raises(InputError, match="can't be listed"):
        FolderContent.of(tmp_path / "nowhere")


def test_place_comes_back_and_a_damaged_one_is_none(tmp_path):
    assert FolderPlace.read(tmp_path) is None
    place = FolderPlace("C04", 7, "score", "/images")
    place.write(tmp_path)
    assert FolderPlace.read(tmp_path) == place
    (tmp_path / PLACE_NAME).write_text('{"image": 3}')
    assert FolderPlace.read(tmp_path) is None


def test_images_are_found_whole_by_channels_and_as_wells(tmp_path):
    well = "1649_1109_0003_Amp5-1_B_20070424_C03_{}_x.tif"
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in {
        first: ["a.ome.tif", "b_w1.tif", "b_w2.tif", "a.labels.tif", ".c.tif", "c.txt"],
        second: ["a.tif", "d.png", well.format("w1"), well.format("w2")],
    }.items():
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    found = find_image_files([first, second, tmp_path / "nowhere"])
    assert found["a"] == (first / "a.ome.tif",)
    assert found["b"] == (first / "b_w1.tif", first / "b_w2.tif")
    assert found["C03"] == (second / well.format("w2"), second / well.format("w1"))
    assert found["d"] == (second / "d.png",)
    assert "c" not in found


def test_position_and_counts_are_of_what_the_filter_lists():
    jitter = PeakFilter(least_contour_mass=5.0)
    states = [OPEN, ACCEPTED, OPEN, TOUCHED]
    peaks = tuple(
        Peak(0, 0, (rank - 1,), 0.5, mass, rank, kind, "")
        for rank, (kind, mass) in enumerate(
            [("merge", 9.0), ("contour", 8.0), ("contour", 1.0), ("split", 2.0)], start=1
        )
    )
    known = replace(image("A", 9.0, 8.0, 1.0, 2.0, states=states), peaks=peaks)
    review = FolderReview.of([known, image("B", 3.0)])
    progress = review.progress(jitter)
    # What an edit has settled counts, though it is listed no more.
    assert (progress.peaks.total, progress.peaks.open, progress.peaks.reviewed) == (4, 2, 2)
    assert (progress.n_hidden, progress.n_hidden_contours) == (1, 1)
    assert progress.peaks.mass_share == pytest.approx(10 / 23)
    assert [review.position(row, jitter) for row in range(5)] == [
        (1, 3),
        (2, 3),
        (None, 3),
        (3, 3),
        (1, 1),
    ]
    assert review.ordered("score").position(3, jitter) == (4, 4)
