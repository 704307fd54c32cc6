"""A sweep on the workers of a Dask cluster: one machine, a batch system, or any scheduler.

The caller checks the whole request and cuts it into batches; a worker computes a batch with its own
devices and writes it into the run folder itself, in segments of its own, so that results never
travel and any number of workers may come and go. Dask gives the batches of a lost worker to
others. What a worker has compiled serves all later batches of the same program.
"""

import contextlib
import functools
import os
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.sweep.batches import compute_group
from diffjax.sweep.execute import find_devices
from diffjax.sweep.grid import Grid, make_grid
from diffjax.sweep.job import Job, plan_of
from diffjax.sweep.model import Model
from diffjax.sweep.points import make_groups
from diffjax.sweep.store import RunFolder

CONNECT_SECONDS = 20

ALLOWED_FAILURES = 10
"""Workers that may die on one batch before the run is given up."""

_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_KINDS = "local:4 (processes here), slurm:4 (jobs), tcp://host:port (a running scheduler)"


@dataclass(frozen=True)
class Request:
    """What a worker needs to compute any point of a run.

    Attributes:
        token: the same for all batches of one call.
        model: the model.
        problem: the base problem.
        over: the axes.
        store: absolute path of the run folder, seen by all workers.
        options: options of the model.
        batch_size: as in `sweep`.
        x64: whether the caller computes in 64 bits.
    """

    token: str
    model: Model
    problem: Any
    over: Mapping[str, Any]
    store: str
    options: Mapping[str, Any]
    batch_size: int | None
    x64: bool


class Written(NamedTuple):
    """What a worker says of a batch."""

    points: int
    failures: int


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
            compute_batch, request, points, key=f"batch-{request.token}-{number}", pure=False
        )
        for number, points in enumerate(_batches(job))
    ]
    try:
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
    return Request(
        uuid.uuid4().hex,
        job.model,
        problem,
        dict(over),
        os.path.abspath(store),
        dict(job.options),
        job.batch_size,
        bool(jax.config.read("jax_enable_x64")),
    )


def compute_batch(request: Request, points: np.ndarray) -> Written:
    """Compute some points on this worker's devices and write them; runs on the worker."""
    if request.token not in _SESSIONS:
        jax.config.update("jax_enable_x64", request.x64)
        _SESSIONS.clear()  # an earlier call's
        _SESSIONS[request.token] = _Session(request)
    return _SESSIONS[request.token].compute(points)


_SESSIONS: dict[str, "_Session"] = {}
"""The request that this worker serves, with its segments."""


class _Session:
    """One worker's part of one call."""

    def __init__(self, request: Request):
        self._request = request
        self._grid: Grid = make_grid(request.problem, request.over)
        self._keys = np.concatenate([self._grid.keys(), np.zeros((1, 16), np.uint8)])
        self._folder = RunFolder.open(request.store)
        self._devices = find_devices(None)
        self._segments: dict[Any, list[Any]] = {}

    def compute(self, points: np.ndarray) -> Written:
        """Compute and write some points."""
        groups = make_groups(self._request.problem, self._grid, np.sort(points))
        total = Written(0, 0)
        for group in groups:
            open_segment = functools.partial(self._open, group)
            for counts in compute_group(self._job(group), group, open_segment, self._keys):
                total = Written(total.points + counts[0], total.failures + counts[1])
        return total

    def _job(self, group: Any) -> Job:
        request = self._request
        return Job(
            request.model, self._grid, request.options, self._folder.record, self._folder,
            [group], 0, self._devices, request.batch_size,
        )  # fmt: skip

    def _open(self, group: Any, plan: Any, facts: Mapping[str, Any]) -> Any:
        """Where batches of this size are written; made when the first of them comes."""
        rows = len(plan.points(0))
        key = (jax.tree.structure(group.problem), rows, "out_of_memory" in facts)
        if key not in self._segments:
            batches = self._grid.size // max(rows, 1) + len(plan.rows) + 1
            self._segments[key] = [self._folder.new_segment(facts, batches), 0]
        return _Numbered(self._segments[key]).write


class _Numbered:
    """A segment whose batches are numbered in the order in which they come."""

    def __init__(self, entry: list[Any]):
        self._entry = entry

    def write(self, number: int, keys: np.ndarray, results: Mapping[str, np.ndarray]) -> None:
        """Write the next batch."""
        del number
        segment, count = self._entry
        segment.write(count, keys, results)
        self._entry[1] = count + 1


def _batches(job: Job) -> Iterator[np.ndarray]:
    """Numbers in the grid of the points of every batch of a job."""
    for group in job.groups:
        plan = plan_of(job, group)
        for number in range(len(plan.rows)):
            points = plan.points(number)
            yield points[points >= 0]


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

    with config.set({"distributed.scheduler.allowed-failures": ALLOWED_FAILURES}):
        make = _local if kind == "local" else _slurm
        with make(workers) as cluster:
            yield cluster


def _local(workers: int) -> Any:
    environment = dict.fromkeys(_THREADS, "1")
    return _distributed().LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, env=environment
    )


def _slurm(jobs: int) -> Any:
    try:
        with _ctrl_c_as_it_was():
            from dask_jobqueue.slurm import SLURMCluster
    except ImportError as error:
        raise InputError(
            "dask-jobqueue is not installed", "slurm needs it", "pip install 'diffjax[cluster]'"
        ) from error
    cluster = SLURMCluster(job_script_prologue=[f"export {name}=1" for name in _THREADS])
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
