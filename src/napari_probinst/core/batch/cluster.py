"""A Dask cluster, one that exists or one of this machine's own processes.

A worker that is lost gives its images back to the scheduler, which sends them elsewhere.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.predicting import predict_image
from napari_probinst.core.batch.threads import environment, thread_limits
from napari_probinst.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.batch.job import Job, Outcomes
    from napari_probinst.core.data.io import ImageSource

#: Address that means a cluster of this machine's own processes.
LOCAL = "local"
#: Resource of which a task takes one, on clusters whose workers declare it.
GPU = "GPU"
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers of a Dask scheduler; the images, models and results lie in folders they share.

    Parameters
    ----------
    address : str
        Of the scheduler, e.g. "tcp://10.0.0.5:8786", or `LOCAL` to start one.
    n_workers : int, default 1
        Processes of the local cluster, one thread of Dask each.

    Raises
    ------
    ConfigError
        If `distributed` is not installed.
    """

    address: str
    n_workers: int = 1

    def __post_init__(self) -> None:
        _distributed()

    def run(self, job: Job, sources: Sequence[ImageSource]) -> Outcomes:
        """Predict all images; see `Executor.run`."""
        distributed = _distributed()
        absolute = _absolute(job)
        with ExitStack() as stack:
            client = stack.enter_context(self._client(stack))
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            has_gpus = any(worker["resources"].get(GPU) for worker in workers)
            futures = {
                client.submit(
                    predict_image,
                    absolute,
                    _absolute_source(source),
                    resources={GPU: 1} if has_gpus else None,
                    pure=False,
                ): index
                for index, source in enumerate(sources)
            }
            for future in distributed.as_completed(futures, loop=client.loop):
                index = futures.pop(future)
                yield index, self._outcome(future, sources[index])

    def _client(self, stack: ExitStack) -> Any:
        distributed = _distributed()
        if self.address == LOCAL:
            # What stands in the environment now, Dask passes on before libraries are loaded.
            with environment(thread_limits(self.n_workers)):
                cluster = distributed.LocalCluster(
                    n_workers=self.n_workers,
                    threads_per_worker=1,
                    processes=True,
                    # Any free port: with None the scheduler takes its usual one, and warns.
                    dashboard_address=":0",
                )
            return distributed.Client(stack.enter_context(cluster), set_as_default=False)
        try:
            return distributed.Client(self.address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"There is no Dask scheduler at {self.address}; check the address and that the "
                "scheduler runs, or take --scheduler local."
            ) from error

    def _outcome(self, future: Any, source: ImageSource) -> Outcome:
        try:
            outcome: Outcome = future.result()
        except _distributed().KilledWorker:
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
        return outcome


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
