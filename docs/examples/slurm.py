"""Predict a folder on a SLURM cluster: an example to adapt, not a script that was run here.

Needs ``pip install "napari-probinst[cluster]" dask-jobqueue`` in an environment that the login node
and the compute nodes share, and folders that all of them see. Run it on the login node:

    python slurm.py /shared/plate /shared/results

Queue, account and sizes are those of your cluster: see
https://jobqueue.dask.org/en/latest/generated/dask_jobqueue.SLURMCluster.html
"""

import subprocess
import sys

from dask_jobqueue import SLURMCluster

JOBS = 8
THREADS = 4
#: {"GPU": 1} for GPUs, one image on each; then SLURM is asked for them by `SUBMIT`, too.
RESOURCES = {}
#: More lines for SLURM, e.g. ["--gres=gpu:1"].
SUBMIT = []


def main() -> int:
    images, results = sys.argv[1:]
    with SLURMCluster(
        queue="normal",
        account="my-account",
        walltime="02:00:00",
        # One process a job and one task a process: an image at a time, on all of the job's cores.
        cores=1,
        processes=1,
        job_cpu=THREADS,
        memory="8GB",
        job_script_prologue=[f"export OMP_NUM_THREADS={THREADS} OPENBLAS_NUM_THREADS={THREADS}"],
        job_extra_directives=SUBMIT,
        worker_extra_args=[f"--resources={name}={amount}" for name, amount in RESOURCES.items()],
    ) as cluster:
        cluster.scale(jobs=JOBS)
        command = ["napari-probinst", "predict", images, "--output", results]
        return subprocess.call([*command, "--scheduler", cluster.scheduler_address])


if __name__ == "__main__":
    sys.exit(main())
