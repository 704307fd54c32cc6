"""Several processes on one run: two sweeps at once, and Dask workers that are killed."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.faults.children import Reporter
from tests.faults.killing import Logging
from tests.faults.models import DELAY, POINTS, logged_points
from tests.faults.sessions import REFUSED, compute, wrong_points
from tests.faults.tally import Bench, Tally, done_at_start

_ALLOWED_SECONDS = 240.0


def two_sweeps(bench: Bench) -> Tally:
    """Two sweeps into one folder; in every second run one of them is killed."""
    tally = Tally("two processes on one store, one killed")
    bench.reference()
    while tally.faults < bench.count(30):
        folder, log = bench.new(), bench.new("log")
        both = [bench.session(folder, inject=Logging(log)) for _ in range(2)]
        if tally.runs % 2:
            both[0].listen(30.0, until="batch")
            both[0].listen(bench.rng.uniform(0.0, 0.2))
            both[0].kill()
        codes = [child.wait() for child in both]
        if codes[1] != 0 or codes[0] not in (0, -signal.SIGKILL):
            raise RuntimeError(f"two sweeps ended with {codes}:\n{both[0].output}{both[1].output}")
        tally.lost += sum(wrong_points(child) for child in both if child.code == 0)
        tally.faults += 1
        last = bench.finish(folder, tally)
        tally.lost += POINTS - done_at_start(last)
        tally.recomputed += logged_points(log) - POINTS
    tally.notes = "both may compute the same point"
    return tally


def dask_workers(bench: Bench) -> Tally:
    """One of two workers killed, or both at once, at random batches of one sweep after another."""
    tally = Tally("Dask workers killed, one or all")
    reference = bench.reference("ladder")
    runs = 2 if bench.quick else 4
    child = bench.start(_clustered, bench, reference, runs)
    if child.wait(_ALLOWED_SECONDS) != 0:
        raise RuntimeError(f"the cluster failed:\n{child.output}")
    for message in child.said("run"):
        tally.runs += 1
        tally.faults += message["killed"]
        tally.recomputed += message["computed"] - POINTS
    tally.lost += sum(message["wrong"] for message in child.said("end"))
    return tally


def schedulers(bench: Bench) -> Tally:
    """A scheduler that is killed with its workers: a clear end, and the same command without it."""
    tally = Tally("Dask scheduler killed with its workers")
    bench.reference()
    while tally.faults < bench.count(8):
        folder = bench.new()
        server = bench.start(_serve)
        server.listen(60.0, until="address")
        child = bench.session(folder, cluster=server.said("address")[0]["address"])
        child.listen(60.0, until="batch")
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        said = child.wait() == REFUSED and child.said("refused")[0]["error"]
        if not said or "run the same command again" not in said:
            raise RuntimeError(
                f"a lost scheduler ended a session with {child.code}: {child.output}"
            )
        tally.faults += 1
        last = bench.finish(folder, tally)
        tally.lost += max(0, child.stored() - done_at_start(last))
    return tally


def _serve(reporter: Reporter) -> None:
    """A cluster of one worker that waits for clients."""
    from dask.distributed import LocalCluster

    os.setsid()
    os.environ[DELAY] = "0.1"
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        reporter.say("address", address=cluster.scheduler_address)
        time.sleep(_ALLOWED_SECONDS)


def _clustered(reporter: Reporter, bench: Bench, reference: Path, runs: int) -> int:
    """Sweeps on a cluster of two processes, whose workers are killed; then without the cluster."""
    from diffjax.sweep.cluster import open_cluster

    log = bench.new("log")
    Logging(log)(reporter)
    os.environ[DELAY] = "0.05"
    with open_cluster("local:2") as client:
        client.wait_for_workers(2, timeout=60)
        for number in range(runs):
            client.wait_for_workers(2, timeout=60)
            folder, before = bench.new(), logged_points(log)
            killer = _Killer(reporter, client, bench, everybody=number % 2 == 1)
            code = compute(killer, folder, reference, cluster=client)  # pyright: ignore[reportArgumentType]
            reporter.say("run", killed=killer.killed, computed=logged_points(log) - before)
            if code:
                return code
    return 0


class _Killer(Reporter):
    """Progress that kills workers after two random batches."""

    def __init__(self, reporter: Reporter, client: Any, bench: Bench, everybody: bool):
        self._reporter, self._client, self._everybody = reporter, client, everybody
        self._moments = bench.rng.sample(range(2, POINTS - 4), 2)
        self._seen = self.killed = 0

    def say(self, what: str, **facts: Any) -> None:
        self._reporter.say(what, **facts)

    def listening(self, addresses: str) -> None:
        pass

    def advance(self, points: int, failures: int) -> None:
        self._seen += 1
        if self._seen not in self._moments:
            return
        pids = [worker.pid for worker in self._client.cluster.workers.values() if worker.pid]
        for pid in pids if self._everybody else pids[:1]:
            os.kill(pid, signal.SIGKILL)
            self.killed += 1
