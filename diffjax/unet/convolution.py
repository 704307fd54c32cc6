"""Convolutions with 3 x 3 kernels that keep the size, arranged for the device they run on.

On CPU, XLA multiplies at less than half its speed where a convolution has few channels, forwards
and in both gradients.  The same sums are then written as convolutions with more of them:

* two neighbouring pixels of a row are one, with twice the outputs: the kernel becomes 3 x 4, its
  stride along the row 2, and a third of its products more than is needed;
* in the gradient with respect to the kernel, images and slope change places, so that the larger
  number of channels is that of the outputs;
* a few outputs are sums of nine shifted products.

Elsewhere, and in 16 bits, they are XLA's own.
"""

import jax
import jax.numpy as jnp
from jax import lax

from diffjax.typing import Array, Float

_FEW = 16
"""Channels up to which XLA's convolutions on CPU are slow."""
_VERY_FEW = 4
"""Outputs up to which they are computed as sums of shifted products."""
_SAME = ((1, 1), (1, 1))
_IMAGES = ("NHWC", "HWIO", "NHWC")
_OVER_IMAGES = ("CHWN", "IHWO", "HWNC")


def convolution(
    images: Float[Array, "image height width input"],
    kernel: Float[Array, "3 3 input output"],
    stride: int = 1,
) -> Float[Array, "image row column output"]:
    """Images convolved with a kernel, with zeros around them.

    y[n, i, j] = sum over a, b of x[n, i + a - 1, j + b - 1] @ k[a, b], in reverse mode
    differentiable any number of times.

    Args:
        images: of any size.
        kernel: of the same type.
        stride: every so many pixels in both directions; then even sizes have zeros at their end
            only, and the sums are XLA's own.

    Example:
        >>> convolution(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 2))).shape
        (1, 4, 4, 2)
    """
    if stride > 1 or images.dtype.itemsize < 4:
        return lax.conv_general_dilated(
            images, kernel, (stride, stride), "SAME", dimension_numbers=_IMAGES
        )
    return lax.platform_dependent(images, kernel, cpu=_arranged, default=_plain)


@jax.custom_vjp
def _arranged(images: Array, kernel: Array) -> Array:
    width, (inputs, outputs) = images.shape[2], kernel.shape[2:]
    if outputs <= _VERY_FEW:
        return _shifted_products(images, kernel)
    if max(inputs, outputs) <= _FEW and width % 2 == 0:
        return _by_pairs(images, kernel)
    return _plain(images, kernel)


def _forwards(images: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _arranged(images, kernel), (images, kernel)


def _backwards(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    images, kernel = kept
    turned = jnp.swapaxes(kernel[::-1, ::-1], 2, 3)
    return _arranged(slope, turned), _kernel_gradient(images, slope)


_arranged.defvjp(_forwards, _backwards)


def _kernel_gradient(images: Array, slope: Array) -> Array:
    """sum over images and pixels of x[n, i + a - 1, j + b - 1]^T g[n, i, j]."""
    width, inputs, outputs = images.shape[2], images.shape[3], slope.shape[3]
    if outputs <= _FEW and outputs < inputs:
        swapped = _correlation(slope, images)
        return jnp.swapaxes(swapped[::-1, ::-1], 2, 3)
    if max(inputs, outputs) <= _FEW and width % 2 == 0:
        return _correlation_by_pairs(images, slope)
    return _correlation(images, slope)


def _plain(images: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(images, kernel, (1, 1), _SAME, dimension_numbers=_IMAGES)


def _by_pairs(images: Array, kernel: Array) -> Array:
    """Two pixels of a row at once; memory has them in the order that is wanted."""
    left, right = (
        jnp.pad(kernel, ((0, 0), (at, 1 - at), (0, 0), (0, 0))) for at in range(2)
    )  # fmt: skip
    both = jnp.concatenate([left, right], axis=-1)
    pairs = lax.conv_general_dilated(images, both, (1, 2), _SAME, dimension_numbers=_IMAGES)
    return pairs.reshape(*images.shape[:3], -1)


def _shifted_products(images: Array, kernel: Array) -> Array:
    count, height, width, inputs = images.shape
    columns = jnp.moveaxis(kernel, 2, 0).reshape(inputs, -1)
    products = (images.reshape(-1, inputs) @ columns).reshape(count, height, width, 3, 3, -1)
    around = jnp.pad(products, ((0, 0), (1, 1), (1, 1), (0, 0), (0, 0), (0, 0)))
    return sum(around[:, a : a + height, b : b + width, a, b] for a in range(3) for b in range(3))  # pyright: ignore[reportReturnType]


def _correlation(images: Array, slope: Array) -> Array:
    return lax.conv_general_dilated(images, slope, (1, 1), _SAME, dimension_numbers=_OVER_IMAGES)


def _correlation_by_pairs(images: Array, slope: Array) -> Array:
    """The gradient with respect to the 3 x 4 kernel of `_by_pairs`, folded."""
    count, height, width, outputs = slope.shape
    pairs = slope.reshape(count, height, width // 2, 2 * outputs)
    both = lax.conv_general_dilated(
        images, pairs, (1, 1), _SAME, rhs_dilation=(1, 2), dimension_numbers=_OVER_IMAGES
    )
    return both[:, :3, :, :outputs] + both[:, 1:, :, outputs:]
