"""Memory per device and errors of compiled products."""

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from diffjax.random_features.sharded.chain import ChainPlan, Start, run_chain
from diffjax.random_features.sharded.covariances import HalfCovariance
from diffjax.random_features.sharded.half_storage import (
    fill_half,
    half_inner,
    halve_diagonal,
    whole_rows,
)
from diffjax.random_features.sharded.layout import AXIS, ROWS, WHOLE, FeatureLayout, feature_layout
from diffjax.random_features.sharded.losses import ShardedObjective
from diffjax.random_features.sharded.products import commuting_product, row_product


def memory_of_product(devices: int, num_features: int) -> int:
    """Bytes per device of F -> F^2, argument and result included."""
    layout = _layout(devices, num_features)
    rows = _rows(layout, num_features, num_features)
    square = layout.on_devices(lambda f: commuting_product(layout, f, f), (ROWS,), ROWS)
    return _bytes(jax.jit(square).lower(rows))


def memory_of_chain(devices: int, num_features: int) -> int:
    """Bytes per device of a chain of doublings with two classes and d = p/4."""
    layout = _layout(devices, num_features)
    half = _rows(layout, devices * layout.slots, layout.block, layout.block)
    rows = _rows(layout, num_features)
    covariance = HalfCovariance(half, rows, rows, rows)  # pyright: ignore[reportArgumentType]
    objective = ShardedObjective(
        _rows(layout, num_features, num_features // 4),  # pyright: ignore[reportArgumentType]
        (covariance,) * 4,
        np.full(2, 0.5),  # pyright: ignore[reportArgumentType]
        np.asarray(0.1),  # pyright: ignore[reportArgumentType]
    )
    plan = ChainPlan(np.asarray(1e-6), *(np.asarray(count) for count in (4, 8, 0)))  # pyright: ignore[reportArgumentType]
    return _bytes(run_chain.lower(layout, objective, Start(), plan))


def product_errors(devices: int, num_features: int) -> tuple[list[float], float]:
    """Largest errors of whole rows, inner, commuting and row products; asymmetry of rows."""
    layout = _layout(devices, num_features)
    rng = np.random.default_rng(devices)
    left = rng.normal(size=(num_features, 7))
    vectors = np.linalg.qr(rng.normal(size=(num_features, num_features)))[0]
    matrix = vectors * rng.uniform(size=num_features) @ vectors.T

    def on_device(left, matrix):
        def tile(rows, columns, moving):
            return left[slice(*rows)] @ moving[slice(*columns)].T

        half = halve_diagonal(fill_half(layout, left, tile, left.dtype))
        whole = whole_rows(layout, half)
        inner = jax.lax.psum(half_inner(layout, matrix, half), AXIS)
        products = commuting_product(layout, matrix, matrix), row_product(layout, matrix, left)
        return whole, *products, inner

    specs = (ROWS, ROWS, ROWS, WHOLE)
    found = jax.jit(layout.on_devices(on_device, (ROWS, ROWS), specs))(left, matrix)
    gram = left @ left.T
    expected = (gram, matrix @ matrix, matrix @ left, np.sum(gram * matrix))
    errors = [float(np.abs(a - b).max()) for a, b in zip(found, expected, strict=True)]
    return errors, float(np.abs(found[0] - found[0].T).max())


def _layout(devices: int, num_features: int) -> FeatureLayout:
    return feature_layout(Mesh(np.asarray(jax.devices()[:devices]), ("device",)), num_features)


def _rows(layout: FeatureLayout, *shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, np.float64, sharding=NamedSharding(layout.mesh, ROWS))


def _bytes(lowered) -> int:
    memory = lowered.compile().memory_analysis()
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes
    return memory.temp_size_in_bytes + held
