"""Sweeps as a user calls them, for worker processes (see jobs.py)."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.jobs import COMPARED, Arrays


class StoredSweep:
    """The grid of the exact engine into a new run folder, on the devices here or on workers.

    Args:
        num_features: p.
        times: training times; None for the default.
        quick: the small grid.
        batch_size: points that are computed and written together.
        cluster: None for the devices of this process, or as in `sweep`.
    """

    def __init__(
        self,
        num_features: int,
        times: int | None,
        quick: bool,
        batch_size: int,
        cluster: str | None = None,
    ):
        from benchmarks.problems import axes, problem

        self._stack = contextlib.ExitStack()
        self._client: Any = None
        if cluster is not None:
            from diffjax.sweep.cluster import open_cluster

            self._client = self._stack.enter_context(open_cluster(cluster))
            self._client.wait_for_workers(int(cluster.partition(":")[2]))
        self._over, self._problem = axes(quick), problem(num_features, times)
        self._batch_size = batch_size

    def run(self) -> Any:
        """Sweep into a folder that is removed afterwards."""
        import diffjax as dj

        with tempfile.TemporaryDirectory() as folder:
            return dj.sweep(
                dj.gradient_flow,
                self._problem,
                self._over,
                store=Path(folder) / "run",
                batch_size=self._batch_size,
                cluster=self._client,
            )

    def answer(self, result: Any) -> Arrays:
        """The Dataset's variables with the grid axes flattened."""
        axes = len(result["status"].shape)
        return {
            name: result[name].values.reshape(-1, *result[name].shape[axes:]) for name in COMPARED
        }

    def close(self) -> None:
        """Stop the workers."""
        self._stack.close()


class TheorySweep:
    """Points of the theory with centroids of rank one, in memory."""

    def __init__(self, points: int):
        import diffjax as dj
        from benchmarks.theory_case import problem

        over = {"imbalance_ratio": np.geomspace(1 / 9, 9.0, points)}
        self.run = lambda: dj.sweep(dj.asymptotic_dynamics, problem(1), over)

    def answer(self, result: Any) -> Arrays:
        """Status of every point."""
        return {"status": result["status"].values}
