"""Models that are plain Python and drive their devices themselves: one point at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffjax.status import Status
from diffjax.sweep.model import Model
from diffjax.sweep.points import Group
from diffjax.sweep.program import check_rank, output_names, read_output


@dataclass(frozen=True)
class HostPlan:
    """One point per batch, in the order of the grid."""

    model: Model
    group: Group
    options: Mapping[str, Any]

    @property
    def rows(self) -> range:
        """One entry per batch."""
        return range(len(self.group.points))

    def points(self, number: int) -> np.ndarray:
        """Number in the grid of the only point of a batch."""
        return self.group.points[number : number + 1]


def plan_host(model: Model, group: Group, options: Mapping[str, Any]) -> HostPlan:
    """The plan of a model that runs on the host."""
    return HostPlan(model, group, options)


class HostExecutor:
    """Calls the model point by point."""

    def __init__(self, plan: HostPlan):
        self._plan = plan

    def batch(self, number: int) -> dict[str, np.ndarray]:
        """Outputs and status of one point, with a leading axis of length one."""
        model = self._plan.model
        result = model.function(self._plan.group.problem_at(number), **self._plan.options)
        values = {name: read_output(model, result, name) for name in output_names(model)}
        has_status = "status" in model.outputs
        status = read_output(model, result, "status") if has_status else Status.OK
        arrays = {name: np.asarray(value)[None] for name, value in values.items()}
        for name, array in arrays.items():
            check_rank(model, name, array.ndim - 1)
        return {**arrays, "status": np.asarray([int(status)], np.int8)}
