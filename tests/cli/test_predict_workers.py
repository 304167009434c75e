"""Several processes and a Dask cluster: the same bytes, whatever becomes of a worker."""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import signal
import socket
import threading
import time
from collections import deque
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from logging import getLogger

import numpy as np
import pytest
import tifffile
import torch

from napari_probinst.cli.predict import _TileProgress
from napari_probinst.core.batch import cluster as cluster_module
from napari_probinst.core.batch import processes, tile_tasks
from napari_probinst.core.batch.cluster import Cluster
from napari_probinst.core.batch.executors import ThisProcess
from napari_probinst.core.batch.job import Job
from napari_probinst.core.batch.predicting import predict_image
from napari_probinst.core.batch.processes import WorkerProcesses
from napari_probinst.core.batch.steps import Course
from napari_probinst.core.batch.summary import RunSummary
from napari_probinst.core.batch.threads import environment, thread_limits
from napari_probinst.core.data import lazy
from napari_probinst.core.data.io import ImageSource, find_images
from napari_probinst.core.errors import ConfigError, OutputError
from napari_probinst.core.inference import segmentation
from napari_probinst.core.network.checkpoint import load_model

N_IMAGES = 16
DRAWS = 2

#: A worker that is killed can't close what it has open, which is what the tests are about.
pytestmark = pytest.mark.skipif(os.name != "posix", reason="workers are killed by a signal")


@pytest.fixture(scope="module")
def plate(tmp_path_factory, write, pixels):
    folder = tmp_path_factory.mktemp("plate")
    for index in range(N_IMAGES):
        write(folder / f"{index:02}.tif", pixels(index, (2, 60 + index, 70)))
    return folder


@pytest.fixture
def make_job(tmp_path, model):
    """Return the function that makes the job of predicting into a new folder."""

    def make(name, **options) -> Job:
        (tmp_path / name).mkdir()
        return job_of(model, tmp_path / name, **options)

    return make


def job_of(model, folder, **options):
    loaded = load_model(model)
    settings = loaded.header.inference.model_copy(update={"n_draws": DRAWS})
    return Job((model,), (loaded.checksum,), settings, folder, **options)


@pytest.fixture(scope="module")
def sources(plate, model):
    return find_images(plate, load_model(model).header.network.channels)


@pytest.fixture(scope="module")
def expected(tmp_path_factory, model, sources):
    """What one process writes."""
    job = job_of(model, tmp_path_factory.mktemp("expected"))
    return files_of(job, summary(ThisProcess(), job, sources))


@pytest.fixture(scope="module")
def dask_cluster():
    """Dask cluster of two worker processes on this machine."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


def summary(executor, job, sources):
    outcomes = dict(executor.run(job, sources))
    return RunSummary(tuple(outcomes[index] for index in range(len(sources))))


def files_of(job, summary):
    """All results of a run, by name; a killed process may leave a hidden file behind."""
    assert not summary.refused
    summary.write_coco(job)
    return {
        path.name: path.read_bytes()
        for path in job.folder.iterdir()
        if not path.name.startswith(".")
    }


def shown(files):
    """Return the files that aren't hidden; a killed process may leave the one it was writing."""
    assert sum(name.startswith(".") for name in files) <= 1, files.keys()
    return {name: content for name, content in files.items() if not name.startswith(".")}


class Killer:
    """Kills one process as soon as the first file is there, and remembers what was then."""

    def __init__(self, folder, pids, pattern="*.peaks.csv"):
        self._folder, self._pids, self._pattern = folder, pids, pattern
        self.killed = self.n_finished = None
        self._thread = threading.Thread(target=self._wait_and_kill, daemon=True)
        self._thread.start()

    def _wait_and_kill(self):
        while not (finished := list(self._folder.glob(self._pattern))):
            time.sleep(0.002)
        self.killed = self._pids()[0]
        os.kill(self.killed, signal.SIGKILL)
        self.n_finished = len(finished)

    def check(self):
        """Make sure that the process was killed in the middle."""
        self._thread.join()
        assert 1 <= self.n_finished < N_IMAGES - 2


def test_workers_on_the_command_line_one_of_them_killed(
    tmp_path, predict, plate, contents, expected
):
    images = shutil.copytree(plate, tmp_path / "images")
    (images / "bad.tif").write_text("not an image")
    output = tmp_path / "out"
    killer = Killer(output, lambda: [child.pid for child in multiprocessing.active_children()])
    done = predict(images, output, "--workers", 2, "--draws", DRAWS)
    killer.check()
    assert multiprocessing.active_children() == []
    assert done.code == 1
    # What was finished when its process was killed, before that was told, is not done anew.
    told = re.search(r"(\d+) predicted, ([01]) finished before, 1 refused", done.out)
    assert told, done.out
    assert int(told[1]) + int(told[2]) == N_IMAGES
    # The processes end without a word of their own.
    assert "Exception ignored" not in done.err
    assert len(done.err.splitlines()) == 3
    files = shown(contents(output))
    del files["images.csv"]
    assert files == expected


@dataclass(frozen=True, slots=True)
class DeadlySource(ImageSource):
    """An image that ends every process which reads it."""

    def open(self, axes=None, memory_limit=None):
        os.kill(os.getpid(), signal.SIGKILL)


def test_an_image_that_kills_its_process_is_given_up(make_job, sources, monkeypatch):
    monkeypatch.setattr(processes, "ATTEMPTS", 2)
    good, bad = sources[0], sources[1]
    deadly = DeadlySource(bad.name, bad.paths, bad.channels)
    outcomes = dict(WorkerProcesses(1).run(make_job("out"), [deadly, good]))
    assert outcomes[0].status == "refused"
    assert "the system ended its process 2 times" in outcomes[0].reason
    assert outcomes[1].status == "predicted"


def test_what_no_image_survives_ends_the_run(make_job, sources, monkeypatch):
    shared = []
    start = processes._start

    def tell(job, n_processes):
        shared.append(n_processes)
        return start(job, n_processes)

    monkeypatch.setattr(processes, "_start", tell)
    job = make_job("out")
    (job.folder / "00.labels.tif").mkdir()
    others = set(multiprocessing.active_children())
    with pytest.raises(OutputError, match=r"00\.labels\.tif can't be written"):
        dict(WorkerProcesses(8).run(job, sources[:1]))
    assert set(multiprocessing.active_children()) <= others
    assert shared == [1], "processes that have no image take no threads"


def test_a_run_that_is_left_leaves_no_process(make_job, sources):
    others = set(multiprocessing.active_children())
    run = WorkerProcesses(2).run(make_job("out"), sources)
    next(run)
    assert len(set(multiprocessing.active_children()) - others) == 2
    run.close()
    assert set(multiprocessing.active_children()) <= others


def test_a_scheduler_on_the_command_line_one_of_its_workers_killed(  # noqa: PLR0917  (fixtures)
    tmp_path, predict, plate, contents, expected, dask_cluster
):
    output = tmp_path / "out"
    killer = Killer(output, lambda: [nanny.pid for nanny in dask_cluster.workers.values()])
    address = dask_cluster.scheduler_address
    done = predict(plate, output, "--scheduler", address, "--draws", DRAWS)
    killer.check()
    assert done.code == 0, done
    files = shown(contents(output))
    del files["images.csv"]
    assert files == expected


class Plates:
    """Two images that are predicted in tiles, and one that isn't, with a model for all."""

    def __init__(self, folder, model, write, pixels):
        self.folder, self.model = folder, model
        for name, shape in (("a", (2, 130, 150)), ("b", (2, 40, 40)), ("c", (2, 150, 61))):
            write(folder / f"{name}.tif", pixels(ord(name), shape))
        loaded = load_model(model)
        self.sources = find_images(folder, loaded.header.network.channels)
        self.settings = loaded.header.inference.model_copy(update={"n_draws": DRAWS})
        self.checksum = loaded.checksum

    def job(self, name, **options):
        folder = self.folder.parent / name
        folder.mkdir()
        return Job((self.model,), (self.checksum,), self.settings, folder, **options)


@pytest.fixture(scope="module")
def plates(tmp_path_factory, make_model, write, pixels):
    folder = tmp_path_factory.mktemp("tiled") / "plates"
    folder.mkdir()
    return Plates(folder, make_model(extent=(64, 64)), write, pixels)


class Told:
    """Remembers the progress by tiles."""

    def __init__(self):
        self._told = []

    def __call__(self, name, *counts):
        self._told.append((name, counts))

    def of(self, name):
        return [counts for told, counts in self._told if told == name]


@pytest.fixture(scope="module")
def told_by_one(plates):
    """What one process of two threads writes of the plates, and what it tells meanwhile."""
    before, told = torch.get_num_threads(), Told()
    torch.set_num_threads(2)
    job = plates.job("one")
    files = files_of(job, summary(ThisProcess(told), job, plates.sources))
    torch.set_num_threads(before)
    return files, told


@pytest.fixture
def two_threads():
    """Two threads of the network in this process, which its workers share."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_tiles_on_dask_workers_one_of_them_killed(plates, told_by_one, dask_cluster, monkeypatch):
    monkeypatch.setattr(tile_tasks, "BLOCK", 3)
    expected, _ = told_by_one
    job = plates.job("on dask")
    nannies = dask_cluster.workers.values()
    killer = Killer(job.folder, lambda: [nanny.pid for nanny in nannies], ".a.tiles/*/*.npz")
    executor = Cluster(dask_cluster.scheduler_address)
    done = summary(executor, job, plates.sources)
    assert files_of(job, done) == expected
    killer._thread.join()
    assert killer.killed is not None
    assert not list(job.folder.glob(".*.tiles"))
    # Of an image that was finished when its worker was killed, nobody tells the time any more.
    assert max(outcome.seconds.draws for outcome in done.outcomes) > 0


def test_slides_are_shared_by_two_processes_one_of_them_killed(
    plates, told_by_one, two_threads, monkeypatch
):
    monkeypatch.setattr(tile_tasks, "BLOCK", 2)
    started, start = [], processes._start

    def tell(job, n_processes):
        worker = start(job, n_processes)
        started.append(worker.process.pid)
        return worker

    monkeypatch.setattr(processes, "_start", tell)
    expected, told = told_by_one
    job, of_workers = plates.job("shared"), Told()
    killer = Killer(job.folder, lambda: started, ".a.tiles/*/*.npz")
    assert files_of(job, summary(WorkerProcesses(2, of_workers), job, plates.sources)) == expected
    killer._thread.join()
    assert len(started) == 3  # two, and one in the place of the killed one
    assert not list(job.folder.glob(".*.tiles"))
    assert told.of("a") == [(draw, 2, n, 16) for draw in (1, 2) for n in range(1, 17)]
    assert of_workers.of("a") == [(1, 1, n, 32) for n in range(0, 33, 2)]


def test_progress_is_a_line_of_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = _TileProgress()
    progress.close()
    progress("small", 1, 2, 1, 1)
    for tile in (1, 2, 3):
        progress("slide", 2, 2, tile, 3)
    progress.close()
    assert capsys.readouterr().err == "slide: 4 of 6 tiles\r\x1b[Kslide: 5 of 6 tiles\r\x1b[K"


def test_tiles_done_apart_are_all_that_the_image_needs(plates, monkeypatch):
    whole, job = plates.job("whole"), plates.job("apart")
    source = plates.sources[0]
    outcome = predict_image(whole, source)
    plan = tile_tasks.begin_image(job, source)
    assert plan.n_tiles == (16, 16)
    monkeypatch.setattr(tile_tasks, "BLOCK", 6)
    blocks = list(plan.blocks())
    assert sorted((d, n) for d, numbers in blocks for n in numbers) == [
        (draw, number) for draw in range(2) for number in range(16)
    ]
    for draw, numbers in reversed(blocks):
        assert tile_tasks.compute_block(job, source, plan.checksum, draw, numbers) > 0
    # The same plan again: a run that was stopped here has everything.
    assert tile_tasks.begin_image(job, source) == plan
    monkeypatch.setattr(segmentation, "segment_tile", None)
    assert files_of(job, RunSummary((predict_image(job, source),))) == files_of(
        whole, RunSummary((outcome,))
    )
    assert tile_tasks.begin_image(job, source).status == "finished before"


def test_an_image_in_one_piece_is_predicted_at_once(plates):
    assert tile_tasks.begin_image(plates.job("piece"), plates.sources[1]).status == "predicted"


def test_a_block_without_memory_is_left_to_the_end(plates, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    job, source = plates.job("no memory"), plates.sources[2]
    plan = tile_tasks.begin_image(job, source)
    with monkeypatch.context() as patched:
        patched.setattr(tile_tasks, "keep_tiles", fail)
        tile_tasks.compute_block(job, source, plan.checksum, 0, range(3))
    assert predict_image(job, source).status == "predicted"


def test_a_lost_block_costs_no_more_than_its_time(plates, told_by_one, monkeypatch):
    killed = pytest.importorskip("distributed").KilledWorker("task", None, 3)
    executor = Cluster("tcp://a:1")
    monkeypatch.setattr(tile_tasks, "BLOCK", 7)
    job, told = plates.job("lost"), Told()
    course = Course(plates.sources, told)
    steps, found = deque(course.first()), []
    while steps:
        step = steps.popleft()
        source = plates.sources[step.index]
        if step.kind == "block" and step.numbers.start == 7:
            came = executor._result(Lost(killed), source, is_block=True)
        else:
            came = step.run(job, source)
        outcome, following = course.after(step, came)
        steps += following
        if outcome is not None:
            found.append((step.index, outcome))
    assert sorted(index for index, _ in found) == [0, 1, 2]
    assert told.of("a") == [(1, 1, n, 32) for n in (0, 7, 14, 16, 23, 30, 32)]
    assert told.of("b") == []
    outcomes = dict(found)
    expected, _ = told_by_one
    assert files_of(job, RunSummary(tuple(outcomes[index] for index in range(3)))) == expected
    for outcome in outcomes.values():
        assert outcome.uncertainty.seconds == pytest.approx(outcome.seconds.total, rel=0.5)


def test_a_file_that_is_damaged_or_gone_is_refused_and_no_more(plates, tmp_path, monkeypatch):
    path = tmp_path / "slide.tif"
    page = np.random.default_rng(0).integers(0, 4000, (2, 256, 256)).astype(np.uint16)
    tifffile.imwrite(path, page, tile=(64, 64), compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        offset, length = tiff.pages[0].dataoffsets[5], tiff.pages[0].databytecounts[5]
    whole = path.read_bytes()
    (source,) = find_images(path, plates.sources[0].channels)
    monkeypatch.setattr(lazy, "LAZY_BYTES", 1000)
    monkeypatch.setattr(lazy.open_image, "__kwdefaults__", {"lazy_bytes": 1000})
    job = plates.job("gone")
    plan = tile_tasks.begin_image(job, source)
    path.unlink()
    assert tile_tasks.compute_block(job, source, plan.checksum, 0, range(2)) >= 0
    assert predict_image(job, source).status == "refused"
    path.write_bytes(whole[:offset] + bytes(length) + whole[offset + length :])
    outcome = tile_tasks.begin_image(plates.job("damaged"), source)
    assert outcome.status == "refused"
    assert "slide.tif" in outcome.reason


@dataclass(frozen=True, slots=True)
class NoisySource(ImageSource):
    """An image at which Dask warns of this and that, as it does on a busy machine."""

    def open(self, axes=None, memory_limit=None):
        for name in ("core", "gc", "nanny", "worker.memory", "client"):
            getLogger(f"distributed.{name}").warning("noise")
        return super(NoisySource, self).open(axes, memory_limit)


def test_a_local_cluster_on_the_command_line_is_quiet(  # noqa: PLR0917  (fixtures)
    tmp_path, predict, plate, contents, expected, monkeypatch
):
    pytest.importorskip("distributed")
    run = Cluster.run

    def run_noisily(cluster, job, sources):
        first, *others = sources
        noisy = NoisySource(first.name, first.paths, first.channels)
        for told in run(cluster, job, [noisy, *others]):
            for name in ("nanny", "scheduler", "client"):
                getLogger(f"distributed.{name}").warning("noise")
            yield told

    monkeypatch.setattr(Cluster, "run", run_noisily)
    done = predict(plate, tmp_path / "out", "--scheduler", "local", "--draws", DRAWS)
    assert done.code == 0, done
    files = contents(tmp_path / "out")
    del files["images.csv"]
    assert files == expected
    assert done.err == ""


def test_a_scheduler_that_is_not_there_is_refused_at_once(tmp_path, predict, plate, contents):
    pytest.importorskip("distributed")
    for address in ("tcp://127.0.0.1:9", "tcp://no-such-host.invalid:8786", "pigeon://here"):
        began = time.monotonic()
        sentence = predict(plate, tmp_path / "out", "--scheduler", address).refusal()
        assert time.monotonic() - began < 3
        assert sentence.startswith(f"There is no Dask scheduler at {address}; check the address")
    assert contents(tmp_path / "out") == {}
    both = predict(plate, tmp_path / "out", "--scheduler", "tcp://a:1", "--workers", 2).refusal()
    assert "leave out --workers" in both


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_answers_is_no_scheduler(tmp_path, predict, plate, monkeypatch, greeting):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster_module, "_PATIENCE", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=greet, args=(server, greeting), daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        sentence = predict(plate, tmp_path / "out", "--scheduler", address).refusal()
    assert sentence.startswith(f"There is no Dask scheduler at {address}")


def greet(server, greeting):
    """Answer two calls, and stay on the line."""
    with server.accept()[0], server.accept()[0] as second:
        second.sendall(greeting)
        second.settimeout(5)
        with suppress(OSError):  # until it is hung up
            while second.recv(1000):
                pass


@pytest.fixture
def empty_cluster():
    """Dask cluster in this process whose workers declare a GPU, and come when it is scaled."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=":0",
        resources={"GPU": 1},
    ) as cluster:
        yield cluster


def test_gpus_of_a_worker_that_joins_late_are_taken(make_job, sources, empty_cluster):
    late = threading.Timer(0.5, empty_cluster.scale, (1,))
    late.start()
    asked = []
    run = Cluster(empty_cluster.scheduler_address).run(make_job("out"), sources[:2])
    for _, outcome in run:
        assert outcome.status == "predicted"
        asked += [task.resource_restrictions for task in empty_cluster.scheduler.tasks.values()]
    late.join()
    assert asked
    assert all(one == {"GPU": 1} for one in asked), asked


class Counting:
    """A step that tells how many of its kind ran at once."""

    running = most = 0

    def run(self, _job, _source):
        Counting.running += 1
        Counting.most = max(Counting.most, Counting.running)
        time.sleep(0.05)
        Counting.running -= 1


def test_tasks_from_before_a_gpu_came_take_turns_on_it(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(Counting, "most", 0)
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=3,
            processes=False,
            dashboard_address=":0",
            resources={"GPU": 1},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        ask_for_none = [
            client.submit(cluster_module._run_in_turn, Counting(), None, None, pure=False)
            for _ in range(3)
        ]
        client.gather(ask_for_none)
    assert Counting.most == 1


def test_a_scheduler_without_workers_is_told(make_job, sources, empty_cluster, monkeypatch):
    monkeypatch.setattr(cluster_module, "_WORKER_PATIENCE", 0.2)
    run = Cluster(empty_cluster.scheduler_address).run(make_job("out"), sources[:1])
    with pytest.raises(ConfigError, match="No worker came to the Dask scheduler at tcp://"):
        next(run)


def test_the_optional_package_is_asked_for(tmp_path, predict, plate, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(cluster_module, "import_module", absent)
    sentence = predict(plate, tmp_path / "out", "--scheduler", "local").refusal()
    assert "install napari-probinst[cluster]" in sentence
    assert not (tmp_path / "out").exists()


class Lost:
    """A future of Dask whose task came to nothing."""

    def __init__(self, error):
        self._error = error

    def result(self):
        raise self._error

    def release(self):
        pass


def test_lost_workers_and_a_lost_scheduler(sources):
    pytest.importorskip("distributed")
    killed = import_module("distributed").KilledWorker("task", None, 3)
    executor = Cluster("tcp://a:1")
    outcome = executor._result(Lost(killed), sources[0])
    assert outcome.status == "refused"
    assert "the workers that tried were lost" in outcome.reason
    with pytest.raises(ConfigError, match="scheduler at tcp://a:1 is gone"):
        executor._result(Lost(CancelledError()), sources[0])


def test_gpus_are_taken_in_turns(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert processes._devices("auto", 3) == ["cuda:0", "cuda:1", "cuda:0"]
    assert processes._devices("cpu", 2) == ["cpu", "cpu"]
    assert processes._devices("cuda:1", 2) == ["cuda:1", "cuda:1"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert processes._devices("auto", 2) == ["auto", "auto"]


def test_threads_are_shared_out(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert set(thread_limits(3).values()) == {"2"}
    assert set(thread_limits(20).values()) == {"1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with environment(thread_limits(2)):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("4", "4")
    assert os.environ["OMP_NUM_THREADS"] == "5"
    assert "MKL_NUM_THREADS" not in os.environ
