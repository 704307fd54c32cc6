"""A study's figures, drawn from its dataset by the functions of `diffjax.plot`."""

import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from diffjax.errors import InputError
from diffjax.studies.default_figures import SEED, default_figures, swept_axes
from diffjax.studies.study import Figure, Study

if TYPE_CHECKING:
    import xarray as xr

FORMATS = ("png", "pdf")
PLOTS = (
    "phase_maps",
    "learning_curves",
    "score_error_curves",
    "eigenvalue_histogram",
    "times_against",
    "speciation_curves",
    "delay_map",
    "delay_curves",
    "potential_ridge",
    "copy_curves",
    "copy_order",
    "image_curves",
    "image_grid",
    "predicted_order",
    "overlay_curves",
    "overlay_phase_maps",
    "error_scaling",
)
"""Functions of `diffjax.plot` that draw a whole figure from a dataset."""


class Drawn(NamedTuple):
    """What was drawn.

    Attributes:
        files: in the order of the figures.
        left_out: one line for each figure that could not be drawn, or for a dataset that no
            default figure shows, with the reason.
    """

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def draw_figures(
    study: Study | None, dataset: "xr.Dataset", folder: Path, formats: Sequence[str] = FORMATS
) -> Drawn:
    """Draw every figure of the study into a folder, which is made if need be.

    Args:
        study: whose figures; those of `default_figures` if it names none, or is None.
        dataset: of the study's run.
        folder: where the files go.
        formats: endings without the dot.
    """
    figures, why = (study.figures, "") if study is not None else ((), "")
    if not figures:
        figures, why = default_figures(dataset)
        averaged = (SEED, *swept_axes(dataset))
        single = [dim for dim in dataset.sizes if dim in _grid(dataset) and dim not in averaged]
        dataset = dataset.isel(dict.fromkeys(single, 0))
    left_out = [f"no figure by default: {why}"] if why else []
    dataset = _with_symbols(study, dataset) if study is not None else dataset
    written = []
    for figure in figures:
        try:
            drawn = _draw(figure, dataset)
        except InputError as error:
            left_out.append(f"figure {figure.name} was not drawn: {error}")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        written += [save_figure(drawn, folder / f"{figure.name}.{ending}") for ending in formats]
    return Drawn(tuple(written), tuple(left_out))


def _grid(dataset: "xr.Dataset") -> tuple[object, ...]:
    return dataset["status"].dims if "status" in dataset else ()


def _with_symbols(study: Study, dataset: "xr.Dataset") -> "xr.Dataset":
    present = {name: text for name, text in study.symbols.items() if name in dataset.coords}
    return dataset.assign_coords(
        {name: dataset[name].assign_attrs(symbol=text) for name, text in present.items()}
    )


def _draw(figure: Figure, dataset: "xr.Dataset") -> Any:
    from diffjax import plot

    return getattr(plot, figure.plot)(select_nearest(dataset, figure.at), **figure.arguments)


def save_figure(drawn: Any, path: Path) -> Path:
    """Write a figure, or the figure of some axes, in the format of the path's ending."""
    from diffjax.plot import style

    whole = drawn.get_figure(root=True) if hasattr(drawn, "get_figure") else drawn
    undated = {"Software": None} if path.suffix == ".png" else {"CreationDate": None}
    with style.context():
        whole.savefig(path, metadata=undated)
    return path


def select_nearest(dataset: "xr.Dataset", at: Mapping[str, Any]) -> "xr.Dataset":
    """The part of a dataset at the grid points nearest to some coordinates.

    Args:
        dataset: of a sweep.
        at: axis name to value; axes that are not named stay whole.

    Raises:
        InputError: the dataset has no such axis, or an axis of names has no such name.
    """
    for name, value in at.items():
        if name not in dataset.dims:
            raise InputError(
                f"the dataset has no axis {name!r}",
                f"it has {', '.join(map(str, dataset.dims))}",
                "select along one of these",
            )
        dataset = _select(dataset, name, value)
    return dataset


def _select(dataset: "xr.Dataset", name: str, value: Any) -> "xr.Dataset":
    if dataset[name].dtype.kind in "biuf":
        return dataset.sel({name: value}, method="nearest")
    if value not in dataset[name].values:
        raise InputError(
            f"axis {name!r} has no value {value!r}",
            f"it has {', '.join(map(str, dataset[name].values))}",
            "choose one of these",
        )
    return dataset.sel({name: value})


def check_figure(figure: Figure) -> None:
    """Raise InputError if a figure names an unknown plot or an argument that it does not take."""
    if figure.plot not in PLOTS:
        close = difflib.get_close_matches(figure.plot, PLOTS, n=1)
        raise InputError(
            f"figure {figure.name!r} has plot={figure.plot!r}",
            f"plot is one of {', '.join(PLOTS)}",
            f"did you mean {close[0]!r}?" if close else "choose one of these",
        )
    from diffjax import plot

    known = tuple(inspect.signature(getattr(plot, figure.plot)).parameters)[1:]
    for argument in figure.arguments:
        if argument not in known:
            raise InputError(
                f"figure {figure.name!r} gives {figure.plot} the argument {argument!r}",
                f"it takes {', '.join(known)}",
                "remove or rename it",
            )
