"""A sweep on the workers of a Dask cluster: one machine, a batch system, or any scheduler.

The caller checks the whole request and cuts it into batches; a worker computes a batch with its own
devices and writes it into the run folder itself, in segments of its own (`worker`), so that results
never travel and any number of workers may come and go. Dask gives the batches of a lost worker to
others.
"""

import contextlib
import dataclasses
import os
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from typing import Any

import jax

from diffjax.collector import spared_collector
from diffjax.errors import InputError
from diffjax.sweep.by_name import packed
from diffjax.sweep.job import Job, plan_of
from diffjax.sweep.plan import GroupPlan
from diffjax.sweep.worker import Batch, Request, compute_batch

CONNECT_SECONDS = 20

LOOPBACK = "127.0.0.1"
"""Where everything listens that a local cluster starts: this machine alone."""

LOOK_SECONDS = 3
"""How often a sweep looks whether its local workers are there."""

ALLOWED_FAILURES = 10
"""Workers that may die on one batch before the run is given up."""

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_DEVICES = "JAX_NUM_CPU_DEVICES"

_MALLOC = {"MALLOC_TRIM_THRESHOLD_": 2**29, "MALLOC_MMAP_THRESHOLD_": 2**25}
"""Workers keep the memory of a matrix for the next one: Dask's own setting gives it back to the
system each time, which costs a fifth of the time of a point."""

_KINDS = "local:4 (processes here), slurm:4 (jobs), tcp://host:port (a running scheduler)"


@contextlib.contextmanager
def open_cluster(spec: Any) -> Iterator[Any]:
    """A Dask client for a specification; a cluster that was started for it ends with it.

    Args:
        spec: ``"local:N"`` for N processes of this machine, ``"slurm:N"`` for N jobs (settings
            from dask-jobqueue's configuration files), the address of a scheduler, or a
            `dask.distributed.Client`.

    Raises:
        InputError: another specification, or Dask is not installed.

    Example:
        >>> with open_cluster("local:2") as client:                 # doctest: +SKIP
        ...     sweep(gradient_flow, problem, over, "runs/mine", cluster=client)
    """
    distributed = _distributed()
    if isinstance(spec, distributed.Client):
        yield spec
        return
    kind, _, rest = str(spec).partition(":")
    if kind not in ("local", "slurm"):
        with _connected(distributed, str(spec)) as client:
            yield client
        return
    with _started(kind, _count(spec, rest)) as cluster, distributed.Client(cluster) as client:
        yield client


def listening(client: Any) -> str:
    """What of a cluster listens where, in words.

    Example:
        >>> with open_cluster("local:1") as client:                 # doctest: +SKIP
        ...     listening(client)
        'scheduler tcp://127.0.0.1:41233, dashboard http://127.0.0.1:8787/status'
    """
    scheduler = getattr(client.scheduler, "address", "unknown")
    dashboard = client.dashboard_link
    return f"scheduler {scheduler}" + (f", dashboard {dashboard}" if dashboard else "")


def compute_on_cluster(job: Job, request: Request, client: Any, progress: Any | None) -> None:
    """Compute all points of a job on the workers of a client.

    Raises:
        InputError: a worker refused the request.
        OSError: a worker cannot write the run folder, or the cluster was lost; finished batches
            are kept.
    """
    distributed = _distributed()
    futures = [
        client.submit(
            compute_batch, request, batch, key=f"batch-{request.token}-{number}", pure=False
        )
        for number, batch in enumerate(batches_of(job))
    ]
    try:
        with _workers_kept(distributed, client):
            for future in distributed.as_completed(futures):
                written = future.result()
                future.release()  # else a batch that is stored is done again if its worker dies
                if progress is not None:
                    progress.advance(*written)
    except (distributed.comm.CommClosedError, distributed.KilledWorker, CancelledError) as error:
        raise OSError(
            f"the cluster was lost ({type(error).__name__}: {error}); finished batches are kept: "
            "run the same command again"
        ) from error
    finally:
        client.cancel([future for future in futures if not future.done()], force=True)


@contextlib.contextmanager
def _workers_kept(distributed: Any, client: Any) -> Iterator[None]:
    """Inside, processes of this machine that nobody restarts are started again.

    Dask restarts a worker that dies, but not always if several die at the same time; then a sweep
    would wait for ever. Workers of other clusters are the business of their batch system.
    """
    cluster: Any = getattr(client, "cluster", None)
    if not isinstance(cluster, distributed.LocalCluster):
        yield
        return
    over, wanted = threading.Event(), len(cluster.worker_spec)

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            if len(cluster.scheduler_info["workers"]) < wanted:
                cluster.scale(wanted)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def make_request(
    job: Job, problem: Any, over: Mapping[str, Any], store: str | os.PathLike | None
) -> Request:
    """The request of a job.

    Raises:
        InputError: there is no store: workers have nowhere to write.
    """
    if store is None:
        raise InputError(
            "store=None with a cluster", "workers write into a run folder", "name a store"
        )
    leaves, structure = jax.tree.flatten(problem)
    form = jax.tree.unflatten(structure, [0] * len(leaves))
    return Request(
        uuid.uuid4().hex,
        packed((job.model, dict(job.options), form)),
        leaves,
        dict(over),
        os.path.abspath(store),
        bool(jax.config.read("jax_enable_x64")),
    )


def batches_of(job: Job) -> Iterator[Batch]:
    """All batches of a job; those that share work follow each other.

    They are cut for one device, however many the caller has: workers want many small batches.
    """
    job = dataclasses.replace(job, devices=job.devices[:1])
    for group in job.groups:
        with spared_collector():
            plan = plan_of(job, group)
        stages = plan.stages if isinstance(plan, GroupPlan) else {}
        members = {name: stage.members.distinct for name, stage in stages.items()}
        for number in range(len(plan.rows)):
            points = plan.points(number)
            yield Batch(points[points >= 0], len(points), members)


def _distributed() -> Any:
    try:
        import dask.distributed
    except ImportError as error:
        raise InputError(
            "Dask is not installed", "a cluster needs it", "pip install 'diffjax[cluster]'"
        ) from error
    return dask.distributed


def _count(spec: Any, rest: str) -> int:
    if rest.isdigit() and int(rest) > 0:
        return int(rest)
    raise InputError(f"cluster={spec!r}", _KINDS, "say how many workers, e.g. local:4")


@contextlib.contextmanager
def _connected(distributed: Any, address: str) -> Iterator[Any]:
    if "://" not in address:
        raise InputError(f"cluster={address!r}", _KINDS, "choose one of these")
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no scheduler answers at {address} ({error})", _KINDS, "start it or mend the address"
        ) from error
    with client:
        yield client


@contextlib.contextmanager
def _started(kind: str, workers: int) -> Iterator[Any]:
    """A cluster of our own, in which one worker has one thread."""
    from dask import config

    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
        "distributed.deploy.lost-worker-timeout": f"{LOOK_SECONDS}s",
        **{f"distributed.nanny.pre-spawn-environ.{name}": n for name, n in _MALLOC.items()},
    }
    with config.set(settings):
        make = _local if kind == "local" else _slurm
        with make(workers) as cluster:
            yield cluster


def _local(workers: int) -> Any:
    environment: dict[str, str] = dict.fromkeys(_THREADS, "1")
    if _DEVICES in os.environ:  # what was meant for one process is divided among the workers
        environment[_DEVICES] = str(max(1, int(os.environ[_DEVICES]) // workers))
    # Dask's own default shows the dashboard, which asks for no password, to the whole network
    return _distributed().LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        env=environment,
        host=LOOPBACK,
        dashboard_address=f"{LOOPBACK}:0",
    )


def _slurm(jobs: int) -> Any:
    try:
        with _ctrl_c_as_it_was():
            from dask_jobqueue.slurm import SLURMCluster
    except ImportError as error:
        raise InputError(
            "dask-jobqueue is not installed", "slurm needs it", "pip install 'diffjax[cluster]'"
        ) from error
    environment = dict.fromkeys(_THREADS, 1) | _MALLOC
    cluster = SLURMCluster(
        job_script_prologue=[f"export {name}={value}" for name, value in environment.items()]
    )
    cluster.scale(jobs=jobs)
    return cluster


@contextlib.contextmanager
def _ctrl_c_as_it_was() -> Iterator[None]:
    """dask-jobqueue replaces the handler of SIGINT when it is imported, so that Ctrl-C exits."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
