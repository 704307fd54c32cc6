"""The path through a batch system, with programs on PATH that stand in for SLURM's.

No SLURM was used: `sbatch` here starts the job script as a process of this machine. It starts its
copy, as SLURM does: dask-jobqueue removes the script as soon as `sbatch` returns.
"""

import os
import signal
import stat
from importlib.util import find_spec

import numpy as np
import pytest

from diffjax.sweep import sweep
from diffjax.sweep.cluster import open_cluster
from tests.cluster.models import Slow, slow_square

dask = pytest.importorskip("dask")
pytestmark = pytest.mark.skipif(find_spec("dask_jobqueue") is None, reason="needs dask-jobqueue")

SBATCH = """#!/bin/sh
cp "$1" {folder}/job-script-$$
sh {folder}/job-script-$$ > {folder}/job-$$.out 2>&1 &
echo $! > {folder}/job-$$.pid
echo "Submitted batch job $$"
"""
SCANCEL = """#!/bin/sh
for job in "$@"; do kill $(cat {folder}/job-$job.pid) 2>/dev/null; done
exit 0
"""
SETTINGS = {"cores": 1, "memory": "1GB", "processes": 1, "interface": None, "walltime": "00:05:00"}


@pytest.fixture
def batch_system(tmp_path, monkeypatch):
    """Stand-ins on PATH; the folder of their job scripts."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        path = folder / name
        path.write_text(text.format(folder=folder))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    with dask.config.set({f"jobqueue.slurm.{name}": value for name, value in SETTINGS.items()}):
        yield folder


def test_jobs_compute_the_run(batch_system, tmp_path):
    over = {"width": np.linspace(1.0, 2.0, 6), "seed": range(4)}
    with open_cluster("slurm:2") as client:
        client.wait_for_workers(1, timeout=180)
        found = sweep(slow_square, Slow(1.0, 0), over, tmp_path / "run", cluster=client)
    np.testing.assert_allclose(found["value"], over["width"][:, None] ** 2 + np.arange(4)[None])
    assert os.getpid() not in found["process"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    scripts = [path.read_text() for path in batch_system.glob("job-script-*")]
    assert len(scripts) >= 2
    wanted = ("#SBATCH", "OPENBLAS_NUM_THREADS=1", "MALLOC_TRIM_THRESHOLD_=")
    assert all(word in text for text in scripts for word in wanted)
