"""A training run on disk as a labelled dataset, also while it goes on."""

import json
import os
from typing import Any

import numpy as np
import xarray as xr

from diffjax.errors import InputError
from diffjax.unet.config import EvaluationConfig, from_json
from diffjax.unet.results import LABELS, MODEL_VERSION, stacked_examples, step_results, time_results
from diffjax.unet.run_folder import TrainingFolder


def open_training_run(path: str | os.PathLike) -> xr.Dataset:
    """The dataset of a run of `train_run`, finished or not.

    Args:
        path: folder of the run.

    Returns:
        `train_loss`, `test_loss`, `memorized_fraction` and all others of
        `diffjax.unet.results.LABELS` that were measured, over (class, training_step); the class is
        its name.

    Raises:
        InputError: there is no such run, or nothing was measured yet.

    Example:
        >>> ds = open_training_run("runs/bags")                               # doctest: +SKIP
        >>> ds["train_loss"].sel({"class": "bag"})                            # doctest: +SKIP
    """
    folder = TrainingFolder(path)
    record, lines = folder.record(), folder.metrics()
    if not lines:
        raise InputError(
            f"folder {folder.path} has no measurements",
            "a run that has made its first evaluated step",
            "wait for it, or run the same command again",
        )
    try:
        return dataset_of(record, _results(folder, record, lines), record["data"]["names"])
    except InputError:
        raise
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"the run in {folder.path} makes no dataset ({type(error).__name__}: {error!s:.200})",
            "a run folder as diffjax unet train writes it",
            "get it again from where it came from, or train into a new folder",
        ) from error


def dataset_of(record: dict[str, Any], results: dict[str, Any], names: list[str]) -> xr.Dataset:
    """Results under their labels, classes by their names, provenance as attributes."""
    variables = {
        name: (LABELS[name].dims, np.asarray(value), _attributes(name))
        for name, value in results.items()
        if name in LABELS
    }
    dataset = xr.Dataset(variables, coords={"class": list(names)}, attrs=_provenance(record))
    for name, label in LABELS.items():
        if label.coordinate and name in dataset:
            dataset = dataset.rename({name: label.dims[0]}).set_coords(label.dims[0])
    return dataset


def _results(
    folder: TrainingFolder, record: dict[str, Any], lines: list[dict[str, Any]]
) -> dict[str, Any]:
    facts = folder.facts()
    evaluation = from_json(EvaluationConfig, record["evaluation"])
    steps = [line["step"] for line in lines]
    curves = step_results(steps, lines)
    results = {
        "diffusion_times": np.asarray(evaluation.diffusion_times),
        **curves,
        **facts,
        **time_results(curves, facts["final_train_loss"]),
    }
    samples = [folder.samples(step) for step in steps]
    if evaluation.examples and all(samples):
        results |= stacked_examples(folder.data(), samples, len(facts["sample_counts"]), evaluation)
    return results


def _attributes(name: str) -> dict[str, str]:
    label = LABELS[name]
    named = {"long_name": label.description, "units": label.units, "symbol": label.symbol}
    return {key: text for key, text in named.items() if text}


def _provenance(record: dict[str, Any]) -> dict[str, str]:
    """Texts only, so that any file format can hold them."""
    described = {
        name: json.dumps(record[name])
        for name in ("network", "training", "evaluation", "data", "versions", "citations")
        if name in record
    }
    return {
        "study": "",
        "model": "unet_training",
        "model_version": str(MODEL_VERSION),
        "precision": "float32",
        "created": record.get("created", ""),
        **described,
    }
