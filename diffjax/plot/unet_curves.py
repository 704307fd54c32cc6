"""What a network learns of every class of images: losses, copies, shares against training step."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from diffjax.plot import contents, labels, style
from diffjax.plot.curves import learning_curves

_STEP = "training_step"
_LOWER = {"memorized_fraction": "memorised", "class_share": "class share"}
_BOTH_CRITERIA = {"memorized_by_ratio": ":", "memorized_by_distance": "--"}


@style.styled
def image_curves(
    ds: xr.Dataset,
    *,
    over: str | None = "seed",
    times: Sequence[str] = ("generalization_time", "memorization_time"),
) -> Figure:
    """Losses per class with the times marked, and below what is generated.

    The second panel is the memorised share of the generated images of each class: solid by both
    criteria, dotted by the ratio of the two nearest distances alone, dashed by the distance alone.
    The third is the share of the classes among generated images.

    Args:
        ds: a run of `diffjax.unet`, or one point of a sweep of it.
        over: dimension of realisations: mean, and a band of one standard error for losses.
        times: per-class times to mark.

    Returns:
        The figure, one column wide.

    Raises:
        InputError: a variable is missing, swept dimensions are left, or the point failed.

    Example:
        >>> png, pdf = dj.plot.save(image_curves(ds), "figures/images")
    """
    contents.present(ds, "train_loss", [contents.CLASS, _STEP])
    whole = style.new_figure(height=1.5 * style.COLUMN_WIDTH)
    losses, copies, shares = whole.subplots(3, 1, height_ratios=(2.4, 1, 1))
    # the lowest held-out loss stands for a floor that no one knows: it is on the curve anyway
    known = ds.drop_vars("bayes_floor", errors="ignore").rename({_STEP: "training_time"})
    learning_curves(known, over=over, times=times, ax=losses)
    for ax, (name, words) in zip((copies, shares), _LOWER.items(), strict=True):
        _draw(ax, ds, name, over, "-")
        ax.set_ylabel(words)
        ax.set_ylim(-0.04, 1.04)
        ax.set_xscale("log")
        ax.set_xlim(losses.get_xlim())
    for name, line in _BOTH_CRITERIA.items():
        if name in ds:
            _draw(copies, ds, name, over, line)
    for ax in (losses, copies):
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    shares.set_xlabel(labels.long_label(ds[_STEP]))
    return whole


def _draw(ax: Axes, ds: xr.Dataset, name: str, over: str | None, line: str) -> None:
    curve = contents.results(ds, name, [contents.CLASS, _STEP])
    contents.require_dims(curve, [contents.CLASS, _STEP, *([over] if over else [])])
    mean = contents.average(curve, over).mean.transpose(contents.CLASS, _STEP)
    width = 1.2 if line == "-" else 0.7
    for position, values in enumerate(np.asarray(mean)):
        color = style.class_color(position)
        ax.plot(ds[_STEP].values, values, color=color, linestyle=line, linewidth=width)
