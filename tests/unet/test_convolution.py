"""Convolutions arranged for the CPU, and their gradients, against XLA's own and a sum in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from diffjax.unet.convolution import convolution
from diffjax.unet.doubling import convolution_of_doubled, doubled

# (size, inputs, outputs): in pairs, of few outputs, of odd width, exchanged, and as they are
SHAPES = [(6, 1, 16), (6, 16, 1), (8, 16, 16), (7, 16, 16), (6, 3, 3), (4, 40, 16), (4, 24, 40)]


def _plain(images, kernel):
    dims = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=dims)


def _with_gradients(function, images, kernel, slope):
    def both(x, k):
        value, back = jax.vjp(function, x, k)
        return value, *back(slope)

    return jax.jit(both)(images, kernel)


def _assert_same(rng, functions, size, inputs, outputs, grown=1):
    for kind, tolerance in ((np.float64, 1e-12), (np.float32, 1e-6)):
        images = rng.standard_normal((3, size, size, inputs)).astype(kind)
        kernel = rng.standard_normal((3, 3, inputs, outputs)).astype(kind)
        slope = rng.standard_normal((3, grown * size, grown * size, outputs)).astype(kind)
        found, expected = (_with_gradients(f, images, kernel, slope) for f in functions)
        for ours, xlas in zip(found, expected, strict=True):
            assert ours.dtype == xlas.dtype == kind
            error = np.linalg.norm(ours - xlas) / np.linalg.norm(xlas)
            assert error < tolerance


@pytest.mark.parametrize(("size", "inputs", "outputs"), SHAPES)
def test_values_and_gradients_are_those_of_xla(rng, size, inputs, outputs):
    _assert_same(rng, (convolution, _plain), size, inputs, outputs)


@pytest.mark.parametrize(("size", "inputs", "outputs"), [(3, 8, 5), (1, 3, 4), (4, 1, 20)])
def test_doubled_images_are_convolved_at_the_small_size(rng, size, inputs, outputs):
    def plain(images, kernel):
        return _plain(jnp.repeat(jnp.repeat(images, 2, axis=1), 2, axis=2), kernel)

    _assert_same(rng, (convolution_of_doubled, plain), size, inputs, outputs, grown=2)


def test_the_sum_in_numpy(rng):
    images = rng.standard_normal((2, 4, 6, 3))
    kernel = rng.standard_normal((3, 3, 3, 5))
    around = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = sum(
        around[:, a : a + 4, b : b + 6] @ kernel[a, b] for a in range(3) for b in range(3)
    )
    np.testing.assert_allclose(convolution(images, kernel), expected, atol=1e-12)


def test_a_stride_of_two_pads_at_the_end(rng):
    images = rng.standard_normal((2, 6, 6, 3))
    kernel = rng.standard_normal((3, 3, 3, 4))
    whole = _plain(images, kernel)
    np.testing.assert_allclose(convolution(images, kernel, 2), whole[:, 1::2, 1::2], atol=1e-12)


def test_16_bit_numbers_stay_so(rng):
    images = jnp.asarray(rng.standard_normal((2, 4, 4, 16)), jnp.bfloat16)
    kernel = jnp.asarray(rng.standard_normal((3, 3, 16, 16)), jnp.bfloat16)
    np.testing.assert_array_equal(convolution(images, kernel), _plain(images, kernel))
    grown = convolution_of_doubled(images, kernel)
    assert grown.dtype == jnp.bfloat16
    np.testing.assert_array_equal(grown, _plain(doubled(images), kernel))


def test_gradients_of_gradients(rng):
    images = rng.standard_normal((2, 4, 4, 3))
    kernel, along = rng.standard_normal((2, 3, 3, 3, 8))

    def slope(function):
        def loss(k):
            return (function(images, k) ** 3).sum()

        return jax.jit(jax.grad(lambda k: (jax.grad(loss)(k) * along).sum()))(kernel)

    np.testing.assert_allclose(slope(convolution), slope(_plain), rtol=1e-9, atol=1e-9)
