"""The Train dock: a real training of a tiny network in its own process, started and stopped."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from filelock import FileLock
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QEvent
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_probinst.core.config import Config, NetworkConfig
from napari_probinst.core.errors import ConfigError, InputError
from napari_probinst.core.network.header import ModelHeader, read_header
from napari_probinst.core.training.beginning import recorded
from napari_probinst.core.training.fit import last_checkpoint
from napari_probinst.models import default_model
from napari_probinst.widgets.remembered import known_models, last_training, remember_training
from napari_probinst.widgets.training import monitor as monitor_module
from napari_probinst.widgets.training import process
from napari_probinst.widgets.training.form import TrainForm
from napari_probinst.widgets.training.log import (
    LOCK,
    LOG,
    STOP,
    DataRead,
    Ended,
    Failed,
    LogReader,
    LogWriter,
    Noted,
    Score,
    Scoring,
    Started,
    Step,
    TrainingRequest,
    is_running,
    prepare,
    read_request,
)
from napari_probinst.widgets.training.monitor import TrainingMonitor, TrainingState
from napari_probinst.widgets.training.presets import PRESETS, fitted

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SETTINGS = """
network: {filters: 4, levels: 2, embedding_dimensions: 4}
training: {max_steps: 100000, crop: 16, warmup_steps: 1, validation_images: 2, validate_every: 2,
           workers: 0}
inference: {min_size: 4, n_seeds: 16, n_draws: 2}
"""
#: Milliseconds: a busy machine needs minutes to import what trains.
PATIENCE = 500_000


def write_images(folder, values=(1, 2)):
    """Three images of two channels with two instances each, of these values."""
    for part in ("images", "instances"):
        (folder / part).mkdir(parents=True)
    labels = np.zeros((24, 24), np.uint16)
    labels[2:8, 2:20], labels[12:20, 5:12] = values
    for seed, name in enumerate("abc"):
        noise = np.random.default_rng(seed).integers(0, 500, (2, 24, 24))
        image = (noise + 500 * (labels > 0)).astype(np.uint16)
        tifffile.imwrite(folder / "images" / f"{name}.tif", image, photometric="minisblack")
        tifffile.imwrite(folder / "instances" / f"{name}.tif", labels)
    return folder


@pytest.fixture
def request_of(tmp_path):
    """Return the function that makes a request; its run has a folder."""

    def make(**changes):
        made = TrainingRequest(data=(tmp_path,), output=tmp_path / "m.safetensors", **changes)
        prepare(made)
        return made

    return make


@pytest.fixture
def say(request_of):
    """Return the function that writes events as a training process would."""
    folder = request_of().folder

    def say(*events):
        with (folder / LOG).open("ab") as file:
            for event in events:
                LogWriter(file).write(event)

    return say


def find(dock, kind, name):
    return dock.findChild(kind, name)


def click(dock, name):
    find(dock, QPushButton, name).click()


def pick(box, text):
    """Choose an item as a click does."""
    box.setCurrentIndex(box.findText(text))
    box.activated.emit(box.currentIndex())


def status(dock):
    return find(dock, QLabel, "status").text()


def last_message():
    return notification_manager.records[-1].message


# Without a window ---------------------------------------------------------------------------


def test_presets_are_those_of_the_configuration_files():
    fast, standard, paper = (preset.config for preset in PRESETS)
    assert fast == Config.from_yaml(CONFIGS / "quick.yaml")
    assert paper == Config.from_yaml(CONFIGS / "paper.yaml")
    # That file is for a training that starts from a model, and for the worms it was tuned on.
    worms = Config.from_yaml(CONFIGS / "worms.yaml")
    from_model = fitted(standard, ModelHeader(network=worms.network, inference=worms.inference))
    assert from_model == worms


def test_a_training_from_a_model_takes_its_network_and_sees_as_much():
    fast = PRESETS[0].config
    start = ModelHeader(network=NetworkConfig(filters=4, levels=3), binning=1)
    made = fitted(fast, start)
    assert made.network == start.network
    assert (fast.training.crop, fast.training.binning) == (192, 2)
    assert (made.training.crop, made.training.binning) == (384, 1)
    # 384 pixels binned by 5 are 76.8, and a network of three levels needs whole fours.
    assert fitted(fast, start.model_copy(update={"binning": 5})).training.crop == 80
    assert fitted(fast, None) == fast


def test_log_is_read_as_it_grows_and_a_torn_line_waits(tmp_path):
    path = tmp_path / LOG
    reader = LogReader(path)
    assert reader.read() == []
    events = [Started(7), DataRead(4, 1), Step(2, 0.5, None, 1.5), Scoring(2), Score(2, 0.25, 0.5)]
    with path.open("ab") as file:
        writer = LogWriter(file)
        for event in events:
            writer.write(event)
        file.write(b'{"event":"fail')
        file.flush()
        assert reader.read() == events
        assert reader.read() == []
        file.write(b'ed","message":"no"}\nhalf a line of a killed process{"event":\n')
        writer.write(Ended(Path("m"), 2, None, interrupted=True))
    assert reader.read() == [Failed("no"), Ended(Path("m"), 2, None, interrupted=True)]


def test_loss_that_is_no_number_is_told(tmp_path):
    with (tmp_path / LOG).open("ab") as file:
        for loss in (float("nan"), float("inf")):
            LogWriter(file).write(Step(2, 0.5, None, loss))
    assert [str(event.loss) for event in LogReader(tmp_path / LOG).read()] == ["nan", "inf"]


def test_the_process_is_run_as_it_says():
    assert process.__name__ == monitor_module._PROCESS
    assert f"``python -m {process.__name__} NAME.run``" in process.__doc__


def test_state_follows_the_events_and_a_resumed_run_begins_anew():
    state = TrainingState()
    for event in (Started(1), Step(1, 0.1, None, 4.0), Scoring(1)):
        state.take(event)
    assert state.scoring
    state.take(Score(1, 0.5, 0.5))
    assert not state.scoring
    state.take(Failed("no"))
    assert state.end == Failed("no")
    state.take(Started(2))
    assert (state.pid, state.end, state.losses) == (2, None, [(1, 4.0)])


def test_a_log_whose_disk_is_away_says_nothing_for_a_moment(tmp_path):
    log = tmp_path / LOG
    log.mkdir()
    reader = LogReader(log)
    assert reader.read() == []
    log.rmdir()
    log.write_bytes(b'{"event": "scoring", "step": 3}\n')
    assert reader.read() == [Scoring(3)]


def test_the_process_notes_masks_that_number_no_objects(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SETTINGS)
    request = TrainingRequest(
        data=(write_images(tmp_path / "masks", values=(255, 255)),),
        output=tmp_path / "m.safetensors",
        config=Config.from_yaml(tmp_path / "tiny.yaml"),
    )
    prepare(request)
    (request.folder / STOP).touch()
    with (request.folder / LOG).open("ab") as file:
        process.train(request, LogWriter(file))
    read, noted = LogReader(request.folder / LOG).read()
    assert isinstance(read, DataRead)
    assert noted.text.startswith(f"The labels of 3 images in {tmp_path / 'masks'} (")
    assert noted.text.endswith("number the objects.")


def test_the_process_goes_on_with_what_a_training_was_begun_with(tmp_path):
    (tmp_path / "tiny.yaml").write_text(SETTINGS)
    tiny = Config.from_yaml(tmp_path / "tiny.yaml").model_dump()

    def train(resume=False, **changes):
        training = {**tiny["training"], "validate_every": 1000, **changes}
        request = TrainingRequest(
            data=(tmp_path / "images",),
            output=tmp_path / "m.safetensors",
            config=Config.model_validate({**tiny, "training": training}),
            resume=resume,
            device="cpu",
        )
        prepare(request)
        with (request.folder / LOG).open("ab") as file:
            return process.train(request, LogWriter(file))

    write_images(tmp_path / "images")
    assert train(max_steps=1).steps == 1
    _, beginning = recorded(last_checkpoint(tmp_path / "m.safetensors"))
    assert beginning.data == (tmp_path / "images",), "the command can go on with it"
    with pytest.raises(ConfigError, match="training.crop to 32, but .* begun with 16"):
        train(resume=True, max_steps=2, crop=32)
    assert train(resume=True, max_steps=2).steps == 2


def test_request_is_found_again_and_a_lock_tells_that_it_runs(request_of):
    request = request_of(max_minutes=2.0)
    assert read_request(request.folder) == request
    assert not is_running(request.folder)
    with FileLock(request.folder / LOCK):
        assert is_running(request.folder)
    assert not is_running(request.folder)
    (request.folder / "request.json").write_text("{}")
    with pytest.raises(InputError, match="no request"):
        read_request(request.folder)


def test_what_was_chosen_is_all_that_is_asked_for_and_stays_with_other_settings(qtbot, tmp_path):
    form = TrainForm()
    qtbot.addWidget(form)
    sessions = tuple(tmp_path / "wells" / f"{name}.probinst" for name in ("a", "b"))
    for path in sessions:
        form.folders.add(path)
    output = find(form, QLineEdit, "output").text()
    assert output == str(tmp_path / "wells" / "a-model.safetensors")
    assert form.request().data == sessions

    start, presets = find(form, QComboBox, "start"), find(form, QComboBox, "preset")
    (tmp_path / "tiny.yaml").write_text(SETTINGS)
    # The usual start of a preset or a file comes with it, as long as nobody chose another.
    form.choose_config(tmp_path / "tiny.yaml")
    assert start.currentData() is None
    pick(presets, "fast")
    assert start.currentData() == default_model()

    mine = tmp_path / "mine.safetensors"
    mine.write_bytes(default_model().read_bytes())
    form.choose_start(mine)
    form.choose_config(tmp_path / "tiny.yaml")
    assert start.currentData() == mine
    request = form.request()
    assert request.start_from == mine
    assert request.config.network == read_header(mine).network

    pick(start, start.itemText(start.count() - 1))
    for title in ("fast", "tiny.yaml", "standard"):
        pick(presets, title)
        form.list_models()
        assert start.currentData() is None


# In a window --------------------------------------------------------------------------------


@pytest.fixture
def dock(viewer):
    _, made = viewer.window.add_plugin_dock_widget("napari-probinst", "Train")
    return made


@pytest.mark.timeout(1200)
def test_a_training_is_started_stopped_and_its_model_predicts(viewer, dock, qtbot, tmp_path):
    _, predict = viewer.window.add_plugin_dock_widget("napari-probinst", "Predict")
    chosen_before = find(predict, QComboBox, "model").currentText()
    assert find(dock, QComboBox, "start").currentData() == default_model()
    assert find(dock, QSpinBox, "binning").value() == 1
    click(dock, "run")
    assert "nothing to train on" in status(dock) == last_message()

    for name in ("first", "second"):
        dock.form.folders.add(write_images(tmp_path / name))
    output = tmp_path / "first-model.safetensors"
    assert find(dock, QLineEdit, "output").text() == str(output)
    (tmp_path / "tiny.yaml").write_text(SETTINGS)
    dock.form.choose_config(tmp_path / "tiny.yaml")
    assert find(dock, QComboBox, "start").currentData() is None
    assert find(dock, QSpinBox, "crop").value() == 16
    find(dock, QSpinBox, "minutes").setValue(30)
    click(dock, "run")
    assert dock.running
    assert not find(dock, QPushButton, "run").isEnabled()
    with qtbot.waitSignal(dock.monitor.updated, timeout=PATIENCE):
        pass
    qtbot.waitUntil(lambda: len(dock.monitor.state.scores) > 0, timeout=PATIENCE)
    assert dock.monitor.state.data == DataRead(training=4, validation=2)
    assert "4 images to train on, 2 in each score" in status(dock)
    assert is_running(output.with_suffix(".run"))
    with pytest.raises(InputError, match="being trained already"):
        TrainingMonitor.start(dock.monitor.request, None)

    click(dock, "stop")
    assert find(dock, QPushButton, "stop").text() == "Stop at once"
    qtbot.waitUntil(lambda: not dock.running, timeout=PATIENCE)
    end = dock.monitor.state.end
    assert isinstance(end, Ended), end
    assert end.interrupted
    assert end.model == output
    assert f"written after {end.steps} steps" in status(dock)
    assert str(tmp_path) in status(dock)
    assert read_header(output).network.filters == 4
    assert find(dock, QPushButton, "resume") is None
    assert not find(dock, QPushButton, "stop").isEnabled()

    models = find(predict, QComboBox, "model")
    assert output in [models.itemData(index) for index in range(models.count())]
    assert models.currentText() == chosen_before
    assert output in known_models().values()
    click(dock, "predict")
    models = find(viewer.window.dock_widgets["Predict (napari-probinst)"], QComboBox, "model")
    assert models.currentData() == output

    answers = []
    dock.confirm = lambda question: bool(answers.append(question))
    click(dock, "run")
    assert "exists" in answers[0]
    output.unlink()
    click(dock, "run")
    assert "was begun, and could go on" in answers[1]
    assert not dock.running


def test_a_training_of_an_earlier_napari_is_found_and_watched(viewer, say, tmp_path, qtbot):
    folder = tmp_path / "m.run"
    remember_training(folder)
    assert last_training() == folder
    say(Started(os.getpid()), DataRead(4, 1), Step(20, 0.5, 65.0, 2.5), Score(10, 0.25, 0.25))
    lock = FileLock(folder / LOCK)
    with lock:
        _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Train")
        qtbot.waitUntil(lambda: dock.running, timeout=20_000)
        assert "Step 20 · loss 2.5 · 1:05 left · best DSB 0.250" in status(dock)
        click(dock, "stop")
        assert (folder / STOP).exists()

        # The window asks before it closes; without napari the training would go on.
        window = dock.monitor.parent()
        assert isinstance(window, QMainWindow)
        dock.monitor.ask = lambda: "cancel"
        assert dock.monitor.eventFilter(window, QEvent(QEvent.Type.Close))
        dock.monitor.ask = lambda: "go on"
        assert not dock.monitor.eventFilter(window, QEvent(QEvent.Type.Close))

        # Closing the dock leaves the training to the window; another dock finds it there.
        monitor = dock.monitor
        viewer.window.remove_dock_widget(dock)
        assert monitor.running
        _, again = viewer.window.add_plugin_dock_widget("napari-probinst", "Train")
        qtbot.waitUntil(lambda: again.monitor is monitor, timeout=20_000)
        say(Failed("The disk is full; free some space."))
        qtbot.waitUntil(lambda: not again.running, timeout=20_000)
    assert status(again) == last_message() == "The disk is full; free some space."
    assert find(again, QPushButton, "run").isEnabled()


@pytest.fixture
def watched(monkeypatch):
    """Return the function that starts watching a training whose process never says a word."""
    monkeypatch.setattr(TrainingMonitor, "_launch", lambda _self: None)
    monkeypatch.setattr(TrainingMonitor, "_alive", lambda _self: True)
    return TrainingMonitor.start


def test_a_training_that_goes_on_is_not_over_by_its_earlier_end(say, request_of, watched, qtbot):
    say(Started(1), Step(7, 0.5, None, 2.0), Failed("The disk is full."))
    monitor = watched(request_of(resume=True), None)
    monitor._look()
    assert monitor.running
    assert (monitor.state.end, monitor.state.losses) == (None, [(7, 2.0)])
    say(Started(2), Failed("The disk is full again."))
    monitor._look()
    assert not monitor.running
    assert last_message() == "The disk is full again."


def test_what_is_noted_of_the_images_is_a_warning_once(say, request_of, watched, qtbot):
    monitor = watched(request_of(), None)
    n_before = len(notification_manager.records)
    say(Started(1), DataRead(4, 1), Noted("The labels hold one value only."))
    monitor._look()
    monitor._look()
    (warning,) = notification_manager.records[n_before:]
    assert warning.message == "The labels hold one value only."
    assert warning.severity == "warning"


def test_a_window_stays_where_a_training_cannot_be_told_to_stop(
    request_of, watched, qtbot, monkeypatch
):
    def refuse(*_arguments, **_named):
        raise PermissionError(13, "Permission denied")

    window = QWidget()
    qtbot.addWidget(window)
    monitor = watched(request_of(), window)
    monitor.ask = lambda: "stop"
    monkeypatch.setattr(Path, "touch", refuse)
    closing = QCloseEvent()
    assert monitor.eventFilter(window, closing)
    assert not closing.isAccepted()
    assert "not permitted" in last_message()
    assert monitor.running


def test_a_training_that_is_over_watches_the_window_no_more(
    say, request_of, watched, qtbot, monkeypatch
):
    seen = []
    monkeypatch.setattr(TrainingMonitor, "eventFilter", lambda *given: bool(seen.append(given)))
    window = QWidget()
    qtbot.addWidget(window)
    monitor = watched(request_of(), window)
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowTitleChange))
    assert len(seen) == 1
    say(Failed("no"))
    monitor._look()
    QApplication.sendEvent(window, QEvent(QEvent.Type.WindowTitleChange))
    assert len(seen) == 1


def test_a_process_that_has_just_ended_is_killed_without_an_error(request_of, qtbot, monkeypatch):
    def gone(_pid, _signal):
        raise ProcessLookupError

    request = request_of()
    monitor = TrainingMonitor(request, None)
    monitor.state.pid = 1
    monkeypatch.setattr(monitor_module.os, "kill", gone)
    with FileLock(request.folder / LOCK):
        monitor.kill()


def test_a_process_that_breaks_off_is_told_with_its_last_words(request_of, qtbot, monkeypatch):
    monkeypatch.setattr(monitor_module, "_PROCESS", "napari_probinst.no_such_module")
    monitor = TrainingMonitor.start(request_of(), None)
    qtbot.waitUntil(lambda: not monitor.running, timeout=PATIENCE)
    assert isinstance(monitor.state.end, Failed)
    assert "broke off; its last line is: " in monitor.state.end.message
    assert "no_such_module" in monitor.state.end.message
    assert "output.txt" in monitor.state.end.message
