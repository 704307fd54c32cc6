"""The figures of a run whose study names none: by what was computed and how the grid lies.

    two or three axes   which class is first, one map per time
    one axis            the times along it
    no axis             the curves of the point

Realisations (`seed`) are averaged. Axes with one value do not count.
"""

from typing import TYPE_CHECKING

from diffjax.studies.study import Figure

if TYPE_CHECKING:
    import xarray as xr

CLASS, SEED = "class", "seed"
_MAPPED_AXES = (2, 3)
_FIRST = ("generalization_time", "memorization_time")
_CURVES = {
    "learning_curves": ("train_loss", "test_loss", "training_time", *_FIRST),
    "copy_curves": ("memorized_fraction", "control_class_share", "training_time"),
    "speciation_curves": ("cloning_probability", "balanced_spinodal_time"),
    "image_curves": ("train_loss", "memorized_fraction", "training_step"),
    "image_grid": ("example_images", "nearest_images"),
}
"""Figures of one point, and variables that say that it can be drawn."""


def default_figures(dataset: "xr.Dataset") -> tuple[tuple[Figure, ...], str]:
    """Figures for a dataset, and why there are none where there are none.

    Example:
        >>> figures, why = default_figures(dj.open_run("runs/phase-diagram"))
        >>> [figure.plot for figure in figures], why
        (['times_against', 'times_against'], '')
    """
    axes = swept_axes(dataset)
    times = _times(dataset)
    if not axes:
        names = [name for name, needed in _CURVES.items() if _holds(dataset, needed)]
        return tuple(Figure(name.replace("_", "-"), name) for name in names), (
            "" if names else f"no figure of one point shows {_listed(dataset.data_vars)}"
        )
    if not times:
        return (), "no output is a time per class; figures of single points need isel in Python"
    if len(axes) == 1:
        return tuple(_along(axes[0], name) for name in times), ""
    if len(axes) not in _MAPPED_AXES:
        return (), (
            f"the grid has the {len(axes)} axes {_listed(axes)}, and a map shows at most 3; name "
            "figures in the study with at = {...}, for example at = {" + f'"{axes[-1]}" = '
            f"{dataset[axes[-1]].values.ravel()[0]}}}"
        )
    if dataset.sizes[CLASS] < 2:
        return (), "there is one class, and a map shows which of two classes is first"
    return tuple(Figure(_short(name), "phase_maps", {"quantity": name}) for name in times), ""


def swept_axes(dataset: "xr.Dataset") -> list[str]:
    """Dimensions of the grid with several values, without realisations."""
    dims = dataset["status"].dims if "status" in dataset else ()
    return [str(dim) for dim in dims if dataset.sizes[dim] > 1 and dim != SEED]


def _times(dataset: "xr.Dataset") -> list[str]:
    """Times per class; those of generalisation and memorisation alone, where they are."""
    grid = {*dataset["status"].dims, CLASS} if "status" in dataset else {CLASS}
    found = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if str(name).endswith("_time") and CLASS in variable.dims and {*variable.dims} <= grid
    ]
    return [name for name in _FIRST if name in found] or found


def _along(axis: str, quantity: str) -> Figure:
    return Figure(_short(quantity), "times_against", {"axis": axis, "quantity": quantity})


def _short(quantity: str) -> str:
    return quantity.removesuffix("_time").replace("_", "-")


def _holds(dataset: "xr.Dataset", needed: tuple[str, ...]) -> bool:
    known = {*map(str, dataset.variables), *map(str, dataset.dims)}
    return {*needed} <= known


def _listed(names: object) -> str:
    return ", ".join(map(str, names))  # pyright: ignore[reportArgumentType]
