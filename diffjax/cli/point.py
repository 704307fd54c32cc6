"""One computed point as a labelled dataset, and as a file."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.studies.report import can_write_netcdf
from diffjax.sweep.model import Model, Output

_FIGURES = (".png", ".pdf")
_DATA = (".nc", ".zarr")


def point_dataset(model: Model, problem: Any, result: Any) -> xr.Dataset:
    """The outputs of one point with their dimensions, labels and units.

    ``smallest_test_loss`` is added where there is a test loss.
    """
    variables = {
        name: (output.dims, np.asarray(_output(result, name)), _attributes(output))
        for name, output in model.outputs.items()
    }
    labels = dict(model.coords(problem)) if model.coords else {}
    dataset = xr.Dataset(variables, coords=labels, attrs={"model": model.name})
    for name, output in model.outputs.items():
        if output.coordinate:
            dataset = dataset.rename({name: output.dims[0]}).set_coords(output.dims[0])
    if "training_time" in dataset.get("test_loss", xr.DataArray()).dims:
        smallest = dataset["test_loss"].min("training_time")
        dataset["smallest_test_loss"] = smallest.assign_attrs(long_name="smallest test loss")
    return dataset


def _output(result: Any, name: str) -> Any:
    return result[name] if isinstance(result, dict) else getattr(result, name)


def _attributes(output: Output) -> dict[str, str]:
    return {"long_name": output.description, "units": output.units, "symbol": output.symbol}


def check_output(path: Path | None) -> None:
    """Raise before anything is computed if the file could not be written.

    Raises:
        InputError: an ending without a format, or .nc without h5netcdf.
        OSError: the folder does not exist or is not writable.
    """
    if path is None:
        return
    if path.suffix not in _FIGURES + _DATA:
        raise InputError(
            f"--out {path}", f"it ends in {', '.join(_DATA + _FIGURES)}", "choose one of these"
        )
    if path.suffix == ".nc" and not can_write_netcdf():
        raise InputError(
            f"--out {path}",
            ".nc needs h5netcdf and h5py",
            "pip install 'diffjax[netcdf]', or use .zarr",
        )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(2, "No such folder", str(folder))
    if not os.access(folder, os.W_OK):
        raise PermissionError(13, "Permission denied", str(folder))


def write_point(dataset: xr.Dataset, path: Path) -> None:
    """Write the dataset or draw its learning curves, by the ending of the path."""
    if path.suffix in _FIGURES:
        from diffjax import plot
        from diffjax.studies.figures import save_figure

        save_figure(plot.learning_curves(dataset), path)
    else:
        from diffjax.studies.report import write_labelled

        write_labelled(dataset, path)
