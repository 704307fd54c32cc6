"""Images of twice the size, convolved: at the small size, since four pixels are equal.

With u[j] = x[j // 2], the sums y[j] = sum over b of u[j + b - 1] k[b] along one axis are

    y[2i] = x[i - 1] k[0] + x[i] (k[1] + k[2]),  y[2i + 1] = x[i] (k[0] + k[1]) + x[i + 1] k[2],

so each of the four positions of a pixel is a convolution of the small images with a 2 x 2 kernel:
4/9 of the products, and the gradients are convolutions with a stride of 2.
"""

import jax
import jax.numpy as jnp
from jax import lax

from diffjax.typing import Array, Float
from diffjax.unet.convolution import convolution

_IMAGES = ("NHWC", "HWIO", "NHWC")
_OVER_IMAGES = ("CHWN", "IHWO", "HWNC")
_AROUND = ((1, 1), (1, 1))
_BEFORE_OR_AFTER = ((1, 0), (0, 1))


def doubled(
    images: Float[Array, "image height width channel"],
) -> Float[Array, "image 2*height 2*width channel"]:
    """Images of twice the size, every pixel repeated."""
    count, height, width, channels = images.shape
    wide = jnp.broadcast_to(images[:, :, None, :, None, :], (count, height, 2, width, 2, channels))
    return wide.reshape(count, 2 * height, 2 * width, channels)


def convolution_of_doubled(
    images: Float[Array, "image height width input"],
    kernel: Float[Array, "3 3 input output"],
) -> Float[Array, "image 2*height 2*width output"]:
    """`convolution` of `doubled` images.

    Args:
        images: before they are doubled.
        kernel: of the same type.

    Example:
        >>> convolution_of_doubled(jnp.ones((1, 4, 4, 1)), jnp.ones((3, 3, 1, 2))).shape
        (1, 8, 8, 2)
    """
    if images.dtype.itemsize < 4:
        return convolution(doubled(images), kernel)
    return lax.platform_dependent(images, kernel, cpu=_at_the_small_size, default=_plain)


def _plain(images: Array, kernel: Array) -> Array:
    return convolution(doubled(images), kernel)


@jax.custom_vjp
def _at_the_small_size(images: Array, kernel: Array) -> Array:
    sums, (count, height, width, _) = _neighbours_summed(kernel), images.shape

    def position(row: int, column: int) -> Array:
        around = _BEFORE_OR_AFTER[row], _BEFORE_OR_AFTER[column]
        part = sums[row::2, column::2]
        return lax.conv_general_dilated(images, part, (1, 1), around, dimension_numbers=_IMAGES)

    rows = [jnp.stack([position(row, column) for column in range(2)], axis=3) for row in range(2)]
    return jnp.stack(rows, axis=2).reshape(count, 2 * height, 2 * width, -1)


def _forwards(images: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return _at_the_small_size(images, kernel), (images, kernel)


def _backwards(kept: tuple[Array, Array], slope: Array) -> tuple[Array, Array]:
    images, kernel = kept
    turned = jnp.swapaxes(_neighbours_summed(kernel)[::-1, ::-1], 2, 3)
    back = lax.conv_general_dilated(slope, turned, (2, 2), _AROUND, dimension_numbers=_IMAGES)
    return back, _kernel_gradient(images, slope)


_at_the_small_size.defvjp(_forwards, _backwards)


def _kernel_gradient(images: Array, slope: Array) -> Array:
    """Gradient with respect to the 4 x 4 sums of neighbours, spread over the kernel."""
    sums = lax.conv_general_dilated(
        slope, images, (1, 1), _AROUND, rhs_dilation=(2, 2), dimension_numbers=_OVER_IMAGES
    )
    rows = sums[:3] + sums[1:]
    return jnp.swapaxes((rows[:, :3] + rows[:, 1:])[::-1, ::-1], 2, 3)


def _neighbours_summed(kernel: Array) -> Array:
    """k[0], k[0] + k[1], k[1] + k[2], k[2] along both axes: 3 x 3 to 4 x 4."""
    for axis in range(2):
        ends = [[(0, 0)] * 4 for _ in range(2)]
        ends[0][axis], ends[1][axis] = (0, 1), (1, 0)
        kernel = jnp.pad(kernel, ends[0]) + jnp.pad(kernel, ends[1])
    return kernel
