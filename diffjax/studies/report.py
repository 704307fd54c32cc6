"""What a finished run leaves next to its points: verdicts, a summary, one labelled file."""

import importlib.util
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffjax.studies.study import Claim, Study, Table, Verdict

if TYPE_CHECKING:
    import xarray as xr


def judge(study: Study, dataset: "xr.Dataset") -> dict[str, Verdict]:
    """The verdict on every claim of the study, by name.

    A dataset that lacks an axis or a variable which a criterion needs leaves it undecided.
    """
    return {claim.name: _verdict(claim, dataset) for claim in study.claims}


def _verdict(claim: Claim, dataset: "xr.Dataset") -> Verdict:
    try:
        return claim.criterion(dataset)
    except (KeyError, ValueError) as error:
        if isinstance(error, ValueError) and "do not exist" not in str(error):
            raise  # xarray has no class of its own for a dimension that is not there
        quoted = re.search(r"'([^']+)'", str(error))  # xarray says more than the name
        name = quoted[1] if quoted else str(error)
        return Verdict(None, {}, f"The dataset has no {name!r}, which this claim is about.")


def tables(study: Study, dataset: "xr.Dataset") -> tuple[Table, ...]:
    """The tables of the study's summary."""
    return tuple(build(dataset) for build in study.tables)


def write_verdicts(folder: Path, study: Study, verdicts: dict[str, Verdict]) -> Path:
    """Write verdicts.json: per claim its statement, source, grid, verdict, numbers and text."""
    content = {
        claim.name: {
            "statement": claim.statement,
            "source": claim.source,
            "grid": claim.grid,
            "verdict": verdicts[claim.name].word,
            "numbers": _finite_json(verdicts[claim.name].numbers),
            "text": verdicts[claim.name].text,
        }
        for claim in study.claims
    }
    return _write(folder / "verdicts.json", json.dumps(content, indent=2) + "\n")


def write_summary(
    folder: Path, study: Study, verdicts: dict[str, Verdict], summary: tuple[Table, ...]
) -> Path:
    """Write summary.md: the tables and the verdicts with their numbers."""
    parts = [f"# {study.title}", *map(_markdown_table, summary)]
    if study.claims:
        parts.append("## Claims")
        parts += [_markdown_claim(claim, verdicts[claim.name]) for claim in study.claims]
    return _write(folder / "summary.md", "\n\n".join(parts) + "\n")


def _markdown_table(table: Table) -> str:
    rows = [table.columns, tuple("---" for _ in table.columns), *table.rows]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines])


def _markdown_claim(claim: Claim, verdict: Verdict) -> str:
    return (
        f"**{claim.name}: {verdict.word}.** {verdict.text}\n\n"
        f"> {claim.statement} ({claim.source}.) Checked on: {claim.grid}."
    )


def _finite_json(value: Any) -> Any:
    """The same with nan and inf as text, which strict JSON readers accept."""
    if isinstance(value, dict):
        return {key: _finite_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_dataset(folder: Path, dataset: "xr.Dataset") -> Path:
    """Write the dataset as one labelled file and return its path.

    dataset.nc where h5netcdf and h5py are installed, dataset.zarr otherwise. The file appears under
    its name once it is complete.
    """
    name = "dataset.nc" if can_write_netcdf() else "dataset.zarr"
    return _replace(folder / name, lambda path: write_labelled(dataset, path))


def can_write_netcdf() -> bool:
    """Whether h5netcdf is installed with h5py, which it needs and does not bring."""
    return all(importlib.util.find_spec(name) for name in ("h5netcdf", "h5py"))


def write_labelled(dataset: "xr.Dataset", path: Path) -> None:
    """Write a dataset as NetCDF or, where the path does not end in .nc, as zarr.

    Zarr format 2 has consolidated metadata in its standard: xarray opens it in one read.
    """
    if path.suffix == ".nc":
        dataset.to_netcdf(path, engine="h5netcdf")
    else:
        dataset.to_zarr(path, mode="w", consolidated=True, zarr_format=2)


def _write(path: Path, text: str) -> Path:
    return _replace(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def _replace(path: Path, write: Callable[[Path], Any]) -> Path:
    """Write under another name, then rename, so that a reader never meets half a file."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    _remove(unfinished)
    write(unfinished)
    if unfinished.is_dir():
        _remove(path)  # a folder cannot be replaced in one step
    unfinished.replace(path)
    return path


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
