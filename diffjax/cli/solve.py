"""``diffjax solve``: one point."""

import dataclasses
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    import xarray as xr

DEFAULT_MODEL = "gradient_flow"


def solve(
    model: str = DEFAULT_MODEL,
    /,
    *fields: str,
    solver: Literal["auto", "eigh", "doubling"] = "auto",
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> int:
    """Compute one point and print its per-class times and losses.

    Starts from the model's default problem, which takes seconds on a laptop; fields replace parts
    of it, for example: diffjax solve gradient_flow stds=1.5,1 distance=2 activation=erf

    Args:
        model: name of an installed model (diffjax list models).
        fields: field=value, see diffjax list fields; lists with commas, elements as stds[0]=2.
        solver: eigh (one eigendecomposition), doubling (matrix products only), or auto.
        out: also write the curves: .nc (with h5netcdf) or .zarr, or draw them: .png or .pdf
            [not written].
    """
    from diffjax.cli.assignments import assigned
    from diffjax.cli.point import check_output, point_dataset, write_point
    from diffjax.sweep.job import check_options
    from diffjax.sweep.model import find_model

    if "=" in model:
        model, fields = DEFAULT_MODEL, (model, *fields)
    found = find_model(model)
    check_output(out)
    problem = assigned(_start(found), fields)
    options = {"solver": solver} if solver != "auto" else {}
    check_options(found, options)
    result, timings = _timed(found, problem, options)
    dataset = point_dataset(found, problem, result)
    _print(found.name, problem, dataset, timings)
    if out is not None:
        write_point(dataset, out)
    return _exit_code(dataset)


def _start(found: Any) -> Any:
    from diffjax.errors import InputError

    if found.default_problem is None:
        raise InputError(
            f"model {found.name!r} has no default problem",
            "solve starts from one",
            "call the model from Python",
        )
    return found.default_problem()


def _timed(found: Any, problem: Any, options: dict[str, Any]) -> tuple[Any, dict[str, float]]:
    """The result, with the seconds of compilation and of computation apart."""
    import jax

    if found.on == "host":
        start = time.perf_counter()
        return found(problem, **options), {"computed": time.perf_counter() - start}
    start = time.perf_counter()
    compiled = jax.jit(functools.partial(found.function, **options)).lower(problem).compile()
    middle = time.perf_counter()
    result = jax.block_until_ready(compiled(problem))
    return result, {"compiled": middle - start, "computed": time.perf_counter() - middle}


def _print(name: str, problem: Any, dataset: "xr.Dataset", timings: dict[str, float]) -> None:
    from diffjax.cli.terminal import console, print_columns, print_facts, seconds

    out = console()
    print_facts(out, [("model", name), *_described(problem)])
    per_class = [found for found in dataset.data_vars.values() if found.dims == ("class",)]
    if per_class:
        classes = [f"class {label}" for label in per_class[0]["class"].values]
        rows = [(_long_name(found), *map(_number, found.values)) for found in per_class]
        print_columns(out, "", ("", *classes), rows)
    spent = ", ".join(f"{what} in {seconds(value)}" for what, value in timings.items())
    print_facts(out, [*_scalars(dataset), ("time", spent)])


def _long_name(variable: "xr.DataArray") -> str:
    return variable.attrs.get("long_name") or str(variable.name)


def _scalars(dataset: "xr.Dataset") -> list[tuple[str, str]]:
    """Outputs that are one number, and the status in words."""
    from diffjax.status import describe

    return [
        (name, describe(int(found)) if name == "status" else _number(found.values))
        for name, found in ((str(name), dataset[name]) for name in dataset.data_vars)
        if found.ndim == 0
    ]


def _described(problem: Any) -> list[tuple[str, str]]:
    """Fields and values in one line each for the problem and for what it contains."""
    from diffjax.fields import sweepable_fields

    shown = [
        (field.name, field.value)
        for field in sweepable_fields(problem)
        if not dataclasses.is_dataclass(field.value) or hasattr(field.value, "name")
    ]
    return [("problem", ", ".join(f"{name}={_short(value)}" for name, value in shown))]


def _short(value: Any) -> str:
    if getattr(value, "ndim", 0) > 0:
        items = [f"{item:g}" for item in value.ravel()[:8]]
        return f"[{', '.join(items)}{', ...' if value.size > 8 else ''}]"
    named = getattr(value, "name", value)
    return f"{named:g}" if isinstance(named, int | float) or hasattr(named, "dtype") else str(named)


def _number(value: Any) -> str:
    return f"{value:d}" if value.dtype.kind in "iu" else f"{value:.5g}"


def _exit_code(dataset: "xr.Dataset") -> int:
    from diffjax.cli.exit_codes import ExitCode
    from diffjax.status import FAILURES

    failed = "status" in dataset and int(dataset["status"]) in FAILURES
    return ExitCode.SOME_POINTS_FAILED if failed else ExitCode.DONE
