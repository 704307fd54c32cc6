"""Row panels of the lower triangle of a symmetric matrix: half of the work of a full product."""

import jax.numpy as jnp

from diffjax.typing import Array, Float

SMALLEST_PANEL = 64
PANELS = 4


def row_panels(size: int) -> list[tuple[int, int]]:
    """(start, stop) of at most four row panels; panel rows need the columns up to `stop` only.

    Example:
        >>> row_panels(256)
        [(0, 64), (64, 128), (128, 192), (192, 256)]
    """
    rows = max(SMALLEST_PANEL, -(-size // PANELS))
    return [(start, min(start + rows, size)) for start in range(0, size, rows)]


def symmetric_from_panels(
    panels: tuple[Float[Array, "_ _"], ...], diagonal: Float[Array, " row"]
) -> Float[Array, "row row"]:
    """The symmetric matrix with these rows up to the diagonal, and with this diagonal."""
    size = diagonal.shape[0]
    lower = jnp.zeros((size, size), diagonal.dtype)
    for (start, stop), panel in zip(row_panels(size), panels, strict=True):
        lower = lower.at[start:stop, :stop].set(panel)
    strict = jnp.tril(lower, -1)
    return strict + strict.T + jnp.diag(diagonal)


def panel_diagonal(panels: tuple[Float[Array, "_ _"], ...]) -> Float[Array, " row"]:
    """The diagonal that the panels themselves have."""
    return jnp.concatenate([jnp.diagonal(panel[:, -len(panel) :]) for panel in panels])
