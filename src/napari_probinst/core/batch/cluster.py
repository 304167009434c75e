"""A Dask cluster, one that exists or one of this machine's own processes.

Images are tasks, and so are blocks of tiles of large images. A worker that is lost gives its tasks
back to the scheduler, which sends them elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.steps import Course
from napari_probinst.core.batch.threads import environment, thread_limits
from napari_probinst.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_probinst.core.batch.job import Job, Outcomes
    from napari_probinst.core.batch.predicting import OnTile
    from napari_probinst.core.batch.steps import Step, Told
    from napari_probinst.core.data.io import ImageSource

#: Address that means a cluster of this machine's own processes.
LOCAL = "local"
#: Resource of which a task takes one, on clusters whose workers declare it.
GPU = "GPU"
#: Seconds in which a scheduler answers, also over a slow line.
_PATIENCE = 8.0
#: Seconds in which a first worker comes; those of a batch system may stand in a queue.
_WORKER_PATIENCE = 3600.0
#: Loggers of Dask that have a level of their own.
_LOGGERS = ("distributed", "distributed.client", "distributed.gc", "tornado", "asyncio")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers of a Dask scheduler; the images, models and results lie in folders they share.

    Parameters
    ----------
    address : str
        Of the scheduler, e.g. "tcp://10.0.0.5:8786", or `LOCAL` to start one.
    n_workers : int, default 1
        Processes of the local cluster, one thread of Dask each.
    on_tile : OnTile, optional
        Told when a block of tiles of a large image has ended; see `Course`.

    Raises
    ------
    ConfigError
        If `distributed` is not installed.
    """

    address: str
    n_workers: int = 1
    on_tile: OnTile | None = None

    def __post_init__(self) -> None:
        _distributed()

    def run(self, job: Job, sources: Sequence[ImageSource]) -> Outcomes:
        """Predict all images; see `Executor.run`."""
        distributed = _distributed()
        absolute = _absolute(job)
        with ExitStack() as stack:
            # What a user should know is told in sentences; Dask tells it once more, at length.
            stack.enter_context(_quiet_loggers())
            client = stack.enter_context(self._client(stack))
            takes = {GPU: 1} if self._has_gpus(client) else None
            given = [_absolute_source(source) for source in sources]
            course = Course(given, self.on_tile)
            ended = distributed.as_completed(loop=client.loop)
            under_way: dict[Any, Step] = {}

            def submit(steps: Sequence[Step]) -> None:
                for step in steps:
                    future = client.submit(
                        _run_in_turn,
                        step,
                        absolute,
                        given[step.index],
                        resources=takes,
                        pure=False,
                        priority=step.priority,
                    )
                    under_way[future] = step
                    ended.add(future)

            submit(course.first())
            for future in ended:
                step = under_way.pop(future)
                told = self._result(future, given[step.index], is_block=step.kind == "block")
                outcome, steps = course.after(step, told)
                submit(steps)
                if outcome is not None:
                    yield step.index, outcome

    def _client(self, stack: ExitStack) -> Any:
        distributed = _distributed()
        if self.address == LOCAL:
            # What stands in the environment now, Dask passes on before libraries are loaded.
            with environment(thread_limits(self.n_workers)):
                cluster = distributed.LocalCluster(
                    n_workers=self.n_workers,
                    threads_per_worker=1,
                    processes=True,
                    # Where memory runs out, the images say so; Dask's share of it is a guess.
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                    # Any free port: with None the scheduler takes its usual one, and warns.
                    dashboard_address=":0",
                )
            return distributed.Client(stack.enter_context(cluster), set_as_default=False)
        try:
            # A client tries again and again for an address where nothing is, and closes late.
            asyncio.run(_knock(self.address))
            return distributed.Client(self.address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError, MemoryError) as error:
            raise ConfigError(
                f"There is no Dask scheduler at {self.address}; check the address and that the "
                "scheduler runs, or take --scheduler local."
            ) from error

    def _has_gpus(self, client: Any) -> bool:
        """Whether workers declare GPUs; waits until there is one that could."""
        try:
            client.wait_for_workers(1, timeout=_WORKER_PATIENCE)
        except TimeoutError as error:
            raise ConfigError(
                f"No worker came to the Dask scheduler at {self.address} within "
                f"{_WORKER_PATIENCE / 60:.0f} minutes; start workers (dask worker "
                f"{self.address}) and run the same command again."
            ) from error
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        return any(worker["resources"].get(GPU) for worker in workers)

    def _result(self, future: Any, source: ImageSource, *, is_block: bool = False) -> Told:
        try:
            result: Told = future.result()
        except _distributed().KilledWorker:
            if is_block:  # it is left to the end, when the image is joined
                return 0.0
            return Outcome(
                source.name,
                "refused",
                reason=f"{source.path} could not be predicted: the workers that tried were lost, "
                "most likely for lack of memory; give them more, or take a smaller image.",
            )
        except CancelledError as error:
            raise ConfigError(
                f"The Dask scheduler at {self.address} is gone; start it and run the same command "
                "again: what is finished stays so."
            ) from error
        finally:
            future.release()
        return result


def _run_in_turn(step: Step, job: Job, source: ImageSource) -> Told:
    """Run a step on a worker, as many at once as it has GPUs if it declares any.

    Tasks that were made before such a worker came don't ask for its GPUs, and would share one.
    """
    worker = _distributed().get_worker()
    n_gpus = int(worker.state.total_resources.get(GPU, 0))
    with _turns(worker.address, n_gpus) if n_gpus else nullcontext():
        return step.run(job, source)


@cache
def _turns(_address: str, n: int) -> BoundedSemaphore:
    """Turns of the tasks of a worker, the same ones for all its threads."""
    return BoundedSemaphore(n)


async def _knock(address: str) -> None:
    """Connect to a scheduler once and hang up.

    Raises
    ------
    OSError
        If nothing answers, a TimeoutError included.
    ValueError, MemoryError
        If the address makes no sense; if something else answers, whose first bytes Dask reads as
        the size of a message.
    """
    comm = import_module("distributed.comm")
    security = _distributed().Security().get_connection_args("client")
    scheme, place = comm.parse_address(address)
    connector = comm.registry.get_backend(scheme).get_connector()
    line = await asyncio.wait_for(connector.connect(place, **security), _PATIENCE)
    line.abort()
    # Something answers; whether it is a scheduler, the greeting tells.
    line = await asyncio.wait_for(comm.connect(address, _PATIENCE, **security), _PATIENCE)
    await line.close()


@contextmanager
def _quiet_loggers() -> Iterator[None]:
    """Let Dask log nothing but what is critical within the block."""
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in levels:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _distributed() -> Any:
    """Import the optional package when it is needed."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ConfigError(
            "--scheduler needs the package distributed; install napari-probinst[cluster], or "
            "leave it out and take --workers."
        ) from error


def _absolute(job: Job) -> Job:
    """Paths as workers find them, whose current folder is another."""
    models = tuple(path.absolute() for path in job.models)
    return replace(job, models=models, folder=job.folder.absolute())


def _absolute_source(source: ImageSource) -> ImageSource:
    return replace(source, paths=tuple(path and path.absolute() for path in source.paths))
