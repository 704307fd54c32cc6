"""Generated images of every class over training, copies beside the training image they copy."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from diffjax.errors import InputError
from diffjax.plot import contents, labels, style

_DIMS = ("class", "training_step", "example", "row", "column", "channel")


@style.styled
def image_grid(ds: xr.Dataset, *, steps: int = 6, rows: int = 3) -> Figure:
    """Generated images, one block per class, one column per training step.

    Every image has a place to its right: if it is memorised, the nearest training image is
    there and both are framed; otherwise it is empty.

    Args:
        ds: a run of `diffjax.unet`, or one point of a sweep of it.
        steps: columns, evenly spaced among the evaluated steps; the last one is among them.
        rows: images per class and step.

    Returns:
        The figure, a page wide.

    Raises:
        InputError: the dataset holds no images, or swept dimensions are left.

    Example:
        >>> png, pdf = dj.plot.save(image_grid(ds), "figures/generated")
    """
    if steps < 1 or rows < 1:
        raise InputError(f"steps={steps}, rows={rows}", "at least 1 each", "raise them")
    made, near = (_images(ds, name) for name in ("example_images", "nearest_images"))
    flags = contents.results(ds, "example_memorized", _DIMS[:3]).transpose(*_DIMS[:3]).values
    count = made.shape[1]
    back = np.linspace(0, count - 1, min(steps, count)).round().astype(int)
    chosen = np.unique(count - 1 - back)
    rows = min(rows, made.shape[2])
    names = contents.class_names(ds["example_images"])
    cell = style.PAGE_WIDTH / (2 * len(chosen) + 1)
    whole = style.new_figure(style.PAGE_WIDTH, len(names) * (rows * cell + 0.35) + 0.25)
    panels = np.atleast_1d(whole.subplots(len(names), 1, sharex=True))
    for position, (ax, name) in enumerate(zip(panels, names, strict=True)):
        here = (position, chosen, slice(rows))
        _draw(ax, made[here], near[here], flags[here], style.class_color(position))
        ax.set_ylabel(labels.class_label(name))
    size = made.shape[3] + 1
    clock = ds["training_step"].values[chosen]
    panels[-1].set_xticks(
        [2 * column * size + size / 2 for column in range(len(chosen))],
        [f"{step:g}" for step in clock],
    )
    panels[-1].set_xlabel(labels.long_label(ds["training_step"]))
    return whole


def _images(ds: xr.Dataset, name: str) -> np.ndarray:
    images = contents.results(ds, name, _DIMS)
    contents.require_dims(images, _DIMS)
    return images.transpose(*_DIMS).values


def _draw(ax: Axes, made: np.ndarray, near: np.ndarray, flags: np.ndarray, color: str) -> None:
    """One class: images (step, row, height, width, channel)."""
    columns, rows, size = made.shape[:3]
    pitch = size + 1
    low, high = float(near.min()), max(float(near.max()), float(near.min()) + 1e-9)
    grey = made.shape[-1] == 1
    canvas = np.ones((rows * pitch, 2 * columns * pitch, 1 if grey else made.shape[-1]))
    for column, row in np.ndindex(columns, rows):
        if flags[column, row] < 0:
            continue
        top, left = row * pitch, 2 * column * pitch
        canvas[top : top + size, left : left + size] = _shade(made[column, row], low, high, grey)
        if flags[column, row] == 1:
            shown = _shade(near[column, row], low, high, grey)
            canvas[top : top + size, left + pitch : left + pitch + size] = shown
            frame = Rectangle(
                (left - 0.5, top - 0.5), 2 * pitch - 1, pitch - 1, fill=False, edgecolor=color
            )
            ax.add_patch(frame)
    ax.imshow(
        canvas[..., 0] if grey else canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest"
    )
    ax.set_yticks([])
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _shade(image: np.ndarray, low: float, high: float, grey: bool) -> np.ndarray:
    """Grey images are printed dark on white."""
    share = ((image - low) / (high - low)).clip(0, 1)
    return 1 - share if grey else share
