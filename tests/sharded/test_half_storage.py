"""Half storage on one device, where every array can be looked at, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh

from diffjax.errors import InputError
from diffjax.mixture import two_classes
from diffjax.random_features.doubling import MAX_OCTAVES
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sharded.chain import taylor_order
from diffjax.random_features.sharded.compute import gradient_flow_sharded
from diffjax.random_features.sharded.half_storage import (
    fill_half,
    half_inner,
    halve_diagonal,
    whole_rows,
)
from diffjax.random_features.sharded.layout import ROWS, WHOLE, feature_layout
from diffjax.random_features.sharded.products import commuting_product
from tests.sharded.cases import case


@pytest.fixture(scope="module")
def layout():
    """150 features on one device: three panels of rows."""
    return feature_layout(None if jax.device_count() == 1 else _mesh(1), 150)


def _mesh(count: int) -> Mesh:
    return Mesh(np.asarray([jax.devices()[0]] * count), ("device",))


def test_halves_make_a_symmetric_matrix(layout, rng):
    rows = rng.normal(size=(150, 20))

    def on_device(rows):
        def tile(own, others, moving):
            return rows[slice(*own)] @ moving[slice(*others)].T

        half = halve_diagonal(fill_half(layout, rows, tile, rows.dtype))
        return whole_rows(layout, half), half_inner(layout, rows @ rows.T, half)

    whole, inner = jax.jit(layout.on_devices(on_device, ROWS, (ROWS, WHOLE)))(rows)
    np.testing.assert_allclose(whole, rows @ rows.T, atol=1e-12)
    np.testing.assert_array_equal(whole, whole.T)
    np.testing.assert_allclose(inner, np.sum((rows @ rows.T) ** 2), rtol=1e-12)


def test_product_of_commuting_matrices(layout, rng):
    vectors = np.linalg.qr(rng.normal(size=(150, 150)))[0]
    left, right = (vectors * rng.uniform(size=150) @ vectors.T for _ in range(2))
    product = jax.jit(
        layout.on_devices(lambda a, b: commuting_product(layout, a, b), (ROWS, ROWS), ROWS)
    )
    np.testing.assert_allclose(product(left, right), left @ right, atol=1e-13)


@pytest.mark.parametrize("largest", [1e-6, 1e-3, 1 / 64, 1 / 32])
def test_taylor_order_is_exact_to_rounding_and_no_longer_than_that(largest):
    order = taylor_order(largest, 2.2e-16)
    terms = np.cumprod([1.0, *(-largest / np.arange(2, 14))])
    exact = -np.expm1(-largest) / largest
    np.testing.assert_allclose(terms[:order].sum(), exact, rtol=4e-16)
    assert abs(terms[order - 1]) > 2e-17, "the last term is above rounding"


def test_features_that_cannot_be_shared_out():
    with pytest.raises(InputError, match=r"num_features=96 on 7 devices.*use 6 of the devices"):
        feature_layout(_mesh(7), 96)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mesh": 2}, "mesh is a int"),
        ({"initial_readout": np.zeros((96, 24))}, "transpose it"),
        ({"problem": object()}, "build one of these"),
    ],
)
def test_refused(changes, message):
    problem, _ = case("two classes")
    with pytest.raises(InputError, match=message):
        gradient_flow_sharded(**({"problem": problem} | changes))


def test_refused_under_jit():
    problem, _ = case("two classes")
    with pytest.raises(InputError, match="use gradient_flow under jit"):
        jax.jit(gradient_flow_sharded)(problem)


def test_training_times_over_too_many_octaves():
    times = np.geomspace(1e-20, 1e20, 11)
    problem = RandomFeatureProblem(
        two_classes(), dim=8, num_features=32, num_samples=16, diffusion_time=0.1,
        training_times=times,
    )  # fmt: skip
    with pytest.raises(InputError, match=f"at most {MAX_OCTAVES}"):
        gradient_flow_sharded(problem)
    assert jnp.log2(times[-1] / times[0]) > MAX_OCTAVES
