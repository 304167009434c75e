"""Several processes on this machine, each with its share of the processors.

`concurrent.futures.ProcessPoolExecutor` would be shorter, but is broken for good when one of its
processes is killed. Here another takes its place, and its images are given out again.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import torch

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.predicting import read_image
from napari_probinst.core.batch.steps import Course
from napari_probinst.core.batch.threads import environment, thread_limits
from napari_probinst.core.batch.tile_tasks import begin_read, is_in_tiles
from napari_probinst.core.errors import ProbinstError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from napari_probinst.core.batch.job import Job, Outcomes
    from napari_probinst.core.batch.predicting import OnTile
    from napari_probinst.core.batch.steps import Step, Told
    from napari_probinst.core.data.io import ImageSource

#: An image whose process was killed so often is refused: most likely it needs more memory.
ATTEMPTS = 3
#: One that is computed, and one that is read meanwhile.
_IN_HAND = 2
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class WorkerProcesses:
    """Processes that are started for a run and end with it.

    Parameters
    ----------
    n : int
        How many.
    on_tile : OnTile, optional
        Told when a block of tiles of a large image has ended; see `Course`.
    """

    n: int
    on_tile: OnTile | None = None

    def run(self, job: Job, sources: Sequence[ImageSource]) -> Outcomes:
        """Predict all images; see `Executor.run`."""
        course = Course(sources, self.on_tile)
        waiting = deque(course.first())
        deaths: Counter[Step] = Counter()
        n = self._n_useful(job, sources)
        jobs = [replace(job, device=device) for device in _devices(job.device, n)]
        workers: list[_Worker] = []
        try:
            workers += [_start(own, n) for own in jobs]
            while waiting or any(worker.in_hand for worker in workers):
                _hand_out(workers, waiting, sources)
                for worker in _heard_of(workers):
                    answer = worker.answer()
                    if isinstance(answer, Exception):
                        raise answer
                    if answer is None:
                        worker.check_killed()
                        workers[workers.index(worker)] = _start(worker.job, n)
                        lost = list(worker.in_hand)
                        deaths.update(lost[:1])
                        if not lost or deaths[lost[0]] < ATTEMPTS:
                            waiting.extendleft(reversed(lost))
                            continue
                        step = lost.pop(0)
                        waiting.extendleft(reversed(lost))
                        answer = _given_up(step, sources[step.index])
                    else:
                        step = worker.in_hand.popleft()
                    outcome, steps = course.after(step, answer)
                    # Before other images: what is kept of this one's tiles is removed when it ends.
                    waiting.extendleft(reversed(steps))
                    if outcome is not None:
                        yield step.index, outcome
        finally:
            for worker in workers:
                worker.stop()

    def _n_useful(self, job: Job, sources: Sequence[ImageSource]) -> int:
        """Processes that have something to do; those that run share all threads."""
        if len(sources) < self.n and not any(is_in_tiles(job, source) for source in sources):
            return len(sources)
        return self.n


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, the line to it, and the steps that it was given: the first is computed."""

    job: Job
    process: SpawnProcess
    connection: Connection
    in_hand: deque[Step] = field(default_factory=deque)

    def give(self, step: Step, source: ImageSource) -> None:
        self.in_hand.append(step)
        # That it is dead is noticed where its answer is waited for.
        with suppress(OSError):
            self.connection.send((step, source))

    def answer(self) -> Told | Exception | None:
        """What the first step in hand came to, an error that ends the run, or None: it is dead."""
        try:
            answer: Told | Exception = self.connection.recv()
        except (EOFError, OSError):
            return None
        return answer

    def check_killed(self) -> None:
        """Raise unless the process, which is dead, was killed from outside."""
        self.connection.close()
        self.process.join()
        code = self.process.exitcode
        if code is not None and code >= 0:
            raise RuntimeError(f"a worker process ended with code {code}; it said why, above")

    def stop(self) -> None:
        self.connection.close()
        if self.in_hand:  # the others end by themselves: nothing comes through the line
            self.process.terminate()
        self.process.join(_PATIENCE)
        self.process.kill()
        self.process.join()


def _start(job: Job, n_processes: int) -> _Worker:
    # A forked process would inherit threads' locks, and a GPU that it can't use.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, job), daemon=True)
    with environment(thread_limits(n_processes)):
        process.start()
    theirs.close()
    return _Worker(job, process, ours)


def _hand_out(
    workers: Sequence[_Worker], waiting: deque[Step], sources: Sequence[ImageSource]
) -> None:
    """Give the idle steps first, then the busy ones something to read ahead."""
    for n in range(_IN_HAND):
        for worker in workers:
            if waiting and len(worker.in_hand) == n:
                step = waiting.popleft()
                worker.give(step, sources[step.index])


def _heard_of(workers: Sequence[_Worker]) -> list[_Worker]:
    """Workers that have answered or died; waits for the first."""
    heard = wait([worker.connection for worker in workers])
    return [worker for worker in workers if worker.connection in heard]


def _given_up(step: Step, source: ImageSource) -> Told:
    if step.kind == "block":  # it is left to the end, when the image is joined
        return 0.0
    return Outcome(
        source.name,
        "refused",
        reason=f"{source.path} could not be predicted: the system ended its process {ATTEMPTS} "
        "times, most likely for lack of memory; take fewer workers, or a smaller image.",
    )


def _devices(device: str, n: int) -> list[str]:
    """Device of each process: the GPUs of the machine in turns, unless one is asked for."""
    n_gpus = torch.cuda.device_count()
    if device not in ("auto", "cuda") or n_gpus < 2:
        return [device] * n
    return [f"cuda:{i % n_gpus}" for i in range(n)]


def _serve(connection: Connection, job: Job) -> None:
    """Predict what comes through the line until it is closed: the whole life of a process."""
    # Ctrl-C reaches every process of a terminal; what it means, the first one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Raised as an exception, the request to end leaves no partial file behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        with suppress(BrokenPipeError):
            try:
                for work in _read_ahead(connection, job):
                    connection.send(work())
            except (ProbinstError, MemoryError) as error:
                connection.send(error)
    finally:
        # While Python closes down, an exception would only be shown.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _read_ahead(connection: Connection, job: Job) -> Iterator[Callable[[], Told]]:
    """What comes through the line, ready to be done; while one is done, the next is read."""
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="read ahead")
    try:
        ahead = reader.submit(_received, connection, job)
        while (work := ahead.result()) is not None:
            ahead = reader.submit(_received, connection, job)
            yield work
    finally:
        # Not waited for: the next may never come.
        reader.shutdown(wait=False, cancel_futures=True)


def _received(connection: Connection, job: Job) -> Callable[[], Told] | None:
    try:
        step, source = connection.recv()
    except (EOFError, OSError):
        return None
    if step.kind == "begin":
        return partial(begin_read, job, read_image(job, source))
    return partial(step.run, job, source)
