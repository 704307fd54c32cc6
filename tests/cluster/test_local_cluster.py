"""Sweeps on Dask workers: the same dataset, whoever dies."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.sweep import open_run, sweep
from diffjax.sweep.cluster import open_cluster
from tests.cluster.models import Slow, slow_square
from tests.cluster.shared_model import counts, string_modes, strings
from tests.sweep.toy_models import oscillator, spring

distributed = pytest.importorskip("dask.distributed")

OVER = {"width": np.linspace(1.0, 4.0, 12), "seed": range(5)}
SPRINGS = {"radius": [0.5, 1.5, 2.5, 3.5], "stiffness": [1.0, 2.0], "size": [2, 3]}
STRINGS = {"lengths[0]": np.linspace(1.0, 2.0, 5), "tension": np.linspace(1.0, 3.0, 8)}


@pytest.fixture(scope="module")
def client():
    """Two worker processes with two devices each."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("JAX_PLATFORMS", "cpu")
        environment.setenv("JAX_NUM_CPU_DEVICES", "4")
        with open_cluster("local:2") as connected:
            connected.wait_for_workers(2, timeout=60)
            yield connected


class Killer:
    """Progress that kills a worker after some batches."""

    def __init__(self, client, after):
        self.client, self.after, self.batches, self.killed = client, after, 0, []

    def start(self, total, done):
        """Nothing yet."""

    def listening(self, addresses):
        self.addresses = addresses

    def advance(self, points, failures):
        """Count, and kill when it is time."""
        self.batches += 1
        if self.batches == self.after:
            pids = self.client.run(os.getpid)
            self.killed = [next(iter(pids.values()))]
            os.kill(self.killed[0], signal.SIGKILL)

    def finish(self):
        """Nothing."""


def test_a_compiled_model_gives_the_same_dataset_as_without_a_cluster(client, tmp_path):
    expected = sweep(oscillator, spring(), SPRINGS)
    found = sweep(oscillator, spring(), SPRINGS, tmp_path / "run", batch_size=4, cluster=client)
    for name in ("energy", "modes", "rounds", "status"):
        np.testing.assert_array_equal(found[name], expected[name])
    again = open_run(tmp_path / "run")
    np.testing.assert_array_equal(again["energy"], expected["energy"])


def test_workers_share_the_cores_of_the_machine_and_keep_their_memory(client):
    names = ("JAX_NUM_CPU_DEVICES", "OPENBLAS_NUM_THREADS", "MALLOC_MMAP_THRESHOLD_")
    for name, value in zip(names, ("2", "1", str(2**25)), strict=True):
        assert set(client.run(os.getenv, name).values()) == {value}


def test_a_second_call_compiles_nothing_on_a_worker_of_the_first(client, tmp_path):
    expected = sweep(string_modes, strings(), STRINGS)
    traced = []
    for call in range(2):
        found = sweep(string_modes, strings(), STRINGS, tmp_path / f"{call}", cluster=client)
        np.testing.assert_array_equal(found["modes"], expected["modes"])
        traced.append({worker: traces for worker, (traces, _) in client.run(counts).items()})
    took_part = {worker: traces for worker, traces in traced[0].items() if traces}
    assert took_part
    assert took_part == {worker: traced[1][worker] for worker in took_part}


def test_both_workers_take_part_and_a_killed_one_loses_nothing(client, tmp_path):
    killer = Killer(client, after=15)
    problem = Slow(1.0, 0, delay=0.1)
    found = sweep(slow_square, problem, OVER, tmp_path / "run", cluster=client, progress=killer)
    expected = OVER["width"][:, None] ** 2 + np.arange(5)[None]
    np.testing.assert_allclose(found["value"], expected, rtol=1e-15)
    assert killer.killed and (found["status"] == 0).all()
    assert len(np.unique(found["process"])) >= 2


class Closer(Killer):
    """Progress that ends all workers, and with them the processes that would restart them."""

    def listening(self, addresses):
        self.addresses = addresses

    def advance(self, points, failures):
        """Count, and end them when it is time."""
        self.batches += 1
        if self.batches == self.after:
            for guard in list(self.client.cluster.workers.values()):
                self.client.sync(guard.close)
                self.killed.append(guard)


def test_everything_listens_on_loopback_only_and_that_is_told(client, tmp_path):
    """Sockets of this process and its workers, as the system lists them."""
    killer = Killer(client, after=10**9)
    sweep(
        slow_square, Slow(1.0, 0, delay=0.0), OVER, tmp_path / "r", cluster=client, progress=killer
    )
    assert "tcp://127.0.0.1:" in killer.addresses and "http://127.0.0.1:" in killer.addresses
    pids = {os.getpid(), *client.run(os.getpid).values()}
    pids |= {int(parent) for parent in client.run(os.getppid).values()}
    inodes = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(os.readlink(entry))
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:  # 0A: it listens
                found.append(fields[1].partition(":")[0])
    assert found and set(found) == {"0100007F"}  # 127.0.0.1


@pytest.mark.timeout(90)
def test_workers_that_nobody_restarts_are_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr("diffjax.sweep.cluster.LOOK_SECONDS", 0.5)
    with open_cluster("local:1") as own:
        closer = Closer(own, after=5)
        problem = Slow(1.0, 0, delay=0.02)
        found = sweep(slow_square, problem, OVER, tmp_path / "run", cluster=own, progress=closer)
    assert len(closer.killed) == 1 and (found["status"] == 0).all()
    assert len(np.unique(found["process"])) == 2


def test_a_run_begun_here_is_finished_there(client, tmp_path):
    few = {**OVER, "seed": range(2)}
    sweep(slow_square, Slow(1.0, 0, delay=0.0), few, tmp_path / "run")
    found = sweep(slow_square, Slow(1.0, 0, delay=0.0), OVER, tmp_path / "run", cluster=client)
    here = found["process"] == os.getpid()
    assert here[:, :2].all() and not here[:, 2:].any()


def test_a_worker_that_joins_later_helps(client, tmp_path):
    start = len(client.scheduler_info()["workers"])
    joined = threading.Timer(0.3, client.cluster.scale, args=[start + 1])
    joined.start()
    over = {**OVER, "seed": range(20)}
    found = sweep(slow_square, Slow(1.0, 0), over, tmp_path / "run", cluster=client)
    joined.join()
    client.cluster.scale(start)
    assert (found["status"] == 0).all()
    deadline = time.monotonic() + 20
    while len(client.scheduler_info()["workers"]) > start and time.monotonic() < deadline:
        time.sleep(0.1)


@pytest.mark.parametrize("spec", ["local", "local:0", "local:x", "slurm", "pbs:3", "here"])
def test_specifications_that_mean_nothing_are_refused(spec, tmp_path):
    with pytest.raises(InputError, match=r"local:4"):
        sweep(slow_square, Slow(1.0, 0), OVER, tmp_path / "run", cluster=spec)
    assert not (tmp_path / "run").exists()


def test_a_cluster_without_a_store_is_refused(client):
    with pytest.raises(InputError, match="name a store"):
        sweep(slow_square, Slow(1.0, 0), OVER, cluster=client)


def test_an_address_without_a_scheduler_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("diffjax.sweep.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="no scheduler answers"):
        sweep(slow_square, Slow(1.0, 0), OVER, tmp_path / "run", cluster="tcp://127.0.0.1:9")
    assert not (tmp_path / "run").exists()
