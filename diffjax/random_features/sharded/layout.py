"""How features are spread over the devices of a mesh."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from diffjax.errors import InputError
from diffjax.typing import Array, Int

AXIS = "features"
ROWS = PartitionSpec(AXIS)
"""Arrays whose leading axis is cut into one block per device."""
WHOLE = PartitionSpec()
"""Arrays that every device holds."""


@dataclasses.dataclass(frozen=True)
class FeatureLayout:
    """Equal blocks of features, one per device, on a mesh with one axis.

    Attributes:
        mesh: the devices in order.
        num_features: p.
    """

    mesh: Mesh
    num_features: int

    @property
    def num_devices(self) -> int:
        """D."""
        return self.mesh.size

    @property
    def block(self) -> int:
        """m = p/D, features per device."""
        return self.num_features // self.mesh.size

    @property
    def slots(self) -> int:
        """Blocks of a symmetric matrix that a device stores: (i, i - k) for k = 0 .. D/2."""
        return self.mesh.size // 2 + 1

    def on_devices(self, function: Callable, in_specs: Any, out_specs: Any) -> Callable:
        """The function, run on every device with its own rows."""
        return jax.shard_map(
            function, mesh=self.mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False
        )

    def place(self, rows: np.ndarray) -> Array:
        """An array of one row per feature, spread out; every process holds the same input."""
        sharding = NamedSharding(self.mesh, ROWS)
        return jax.make_array_from_callback(rows.shape, sharding, lambda index: rows[index])

    def owner(self, distance: Int[Array, ""] | int) -> Int[Array, ""]:
        """On device i: (i - distance) mod D."""
        # one integer type for all indices of a slice
        return (jax.lax.axis_index(AXIS).astype(int) - distance) % self.num_devices

    def rotate(self, tree: Any) -> Any:
        """On device i: what device i - 1 holds."""
        if self.num_devices == 1:
            return tree
        pairs = [(i, (i + 1) % self.num_devices) for i in range(self.num_devices)]
        return jax.tree.map(lambda leaf: jax.lax.ppermute(leaf, AXIS, pairs), tree)


def feature_layout(mesh: Mesh | None, num_features: int) -> FeatureLayout:
    """The features of a problem on all devices of a mesh, whatever its axes.

    Args:
        mesh: any mesh; None for all devices of all processes.
        num_features: p, a multiple of the number of devices.

    Raises:
        InputError: no mesh, or features that cannot be shared out equally.
    """
    if mesh is not None and not isinstance(mesh, Mesh):
        raise InputError(
            f"mesh is a {type(mesh).__name__}",
            "a jax.sharding.Mesh with actual devices, or None for all devices",
            'build one with  jax.make_mesh((number,), ("features",))',
        )
    devices = np.asarray(jax.devices() if mesh is None else mesh.devices).ravel()
    if num_features % devices.size:
        below = num_features - num_features % devices.size
        usable = max(n for n in range(1, devices.size) if num_features % n == 0)
        raise InputError(
            f"num_features={num_features} on {devices.size} devices",
            "num_features is a multiple of the number of devices",
            f"use {usable} of the devices, or num_features={below + devices.size}",
        )
    flat = Mesh(devices, (AXIS,), axis_types=(AxisType.Auto,))
    return FeatureLayout(flat, num_features)
