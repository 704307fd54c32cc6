"""Every kind of fault by the name under which it is chosen."""

from collections.abc import Callable, Mapping

from tests.faults import damage, disks, folders, killing, surroundings, together
from tests.faults.tally import Bench, Tally

KINDS: Mapping[str, Callable[[Bench], Tally]] = {
    "kill": killing.killed,
    "signals": killing.interrupted,
    "exceptions": killing.raising,
    "disk": disks.full,
    "file-size": disks.limited,
    "writes": disks.injected,
    "chunks": damage.chunks,
    "metadata": damage.metadata,
    "folder": folders.changed,
    "permissions": folders.locked,
    "two": together.two_sweeps,
    "workers": together.dask_workers,
    "scheduler": together.schedulers,
    "clock": surroundings.clocks,
    "hash-seed": surroundings.hash_seeds,
    "memory": surroundings.memory,
    "points": surroundings.failing_points,
}
