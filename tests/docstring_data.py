"""What examples in docstrings find beside the names of their module: datasets, one problem.

A figure's example finds as `ds` a dataset of the kind that its text speaks of.
"""

import dataclasses
import functools
from typing import Any

import numpy as np
import xarray as xr

import diffjax as dj

RUN = "runs/phase-diagram"


def tiny_problem() -> Any:
    """A problem that is solved in no time."""
    mixture = dj.two_classes(stds=(1.5, 1.0), distance=1.0, imbalance_ratio=0.5)
    times = np.geomspace(1e-4, 1e8, 121)
    return dj.RandomFeatureProblem(mixture, 8, 16, 16, 0.1, training_times=times)


@functools.cache
def small_sweep() -> xr.Dataset:
    """Six points of it, stored in the current folder."""
    over = {"distance": [0.5, 1.0], "seed": range(3)}
    return dj.sweep(dj.gradient_flow, tiny_problem(), over, store=RUN)


def closed_form() -> xr.Dataset:
    """A sweep over std ratio, distance, imbalance and seed, with two rates per class."""
    from tests.plot.two_rates import two_rate_sweep

    return two_rate_sweep(seeds=3)


def with_theory() -> xr.Dataset:
    """Finite systems scattered around the theory, which is the sweep without scatter."""
    from tests.plot.two_rates import two_rate_sweep

    finite, theory = closed_form(), two_rate_sweep().isel(seed=0, drop=True)
    names = ("train_loss", "test_loss", "generalization_time")
    return finite.assign({f"theory_{n}": theory[n].broadcast_like(finite[n]) for n in names})


def of_sizes() -> xr.Dataset:
    """Curves at four sizes, which deviate from their theory as one over the size."""
    size, tau = np.array([25, 50, 100, 200]), np.geomspace(0.1, 100, 31)
    theory = np.exp(-tau)[None] * np.array([[1.0], [3.0]])
    found = theory + np.array([0.9, 1.1])[:, None, None] / size[:, None, None, None]
    curve = (("size", "seed", "class", "training_time"), found)
    limit = (("class", "training_time"), theory)
    variables = {"train_loss": curve, "test_loss": curve}
    variables |= {"theory_train_loss": limit, "theory_test_loss": limit}
    return xr.Dataset(variables, {"dim": ("size", size), "training_time": tau, "class": [0, 1]})


def copies() -> xr.Dataset:
    """What a sweep of `generated_classes` finds."""
    from tests.studies.copy_datasets import copy_dataset

    return copy_dataset(seeds=4)


@functools.cache
def speciations() -> xr.Dataset:
    """`speciation` at two distances and two imbalances, all by one compiled program."""
    from diffjax.backward.model import OUTPUTS, default_problem, speciation

    over = {"distance": [1.0, 2.0], "imbalance_ratio": [0.25, 0.5]}
    problem = default_problem()
    found = [
        speciation(dataclasses.replace(problem, mixture=dj.two_classes((1.0, 1.0), one, ratio)))
        for one in over["distance"]
        for ratio in over["imbalance_ratio"]
    ]
    variables, coords = {}, dict(over, **{"class": [0, 1], "returned_class": [0, 1], "split": [1]})
    for name, output in OUTPUTS.items():
        values = np.array([getattr(one, name) for one in found])
        attributes = {"symbol": output.symbol or ""}
        if output.coordinate:
            coords[output.dims[0]] = xr.Variable(output.dims, values[0], attributes)
        else:
            shaped = values.reshape(2, 2, *values.shape[1:])
            variables[name] = xr.Variable((*over, *output.dims), shaped, attributes)
    return xr.Dataset(variables, coords)


def images() -> xr.Dataset:
    """What one training of a U-Net leaves, of noise instead of images."""
    steps, draws = np.array([1, 10, 100, 1000]), np.random.default_rng(0)
    per_step = ("class", "training_step")
    falling = np.exp(-steps / 100.0) * np.array([[1.0], [0.8]])
    shown = (*per_step, "example", "row", "column", "channel")
    share = (per_step, np.cumsum(np.full((2, 4), 0.2), axis=1))
    pictures = (shown, draws.uniform(size=(2, 4, 3, 8, 8, 1)))
    variables = {
        "train_loss": (per_step, falling), "test_loss": (per_step, 0.1 + falling),
        "generalization_time": ("class", [20.0, 50.0]),
        "memorization_time": ("class", [200.0, 400.0]),
        "memorized_fraction": share, "memorized_by_ratio": share, "memorized_by_distance": share,
        "class_share": (per_step, np.full((2, 4), 0.5)),
        "example_images": pictures, "nearest_images": pictures,
        "example_memorized": (shown[:3], draws.uniform(size=(2, 4, 3)) < 0.5),
        "status": ((), np.int8(0)),
    }  # fmt: skip
    return xr.Dataset(variables, {"class": ["bag", "boot"], "training_step": steps})


def predicted() -> xr.Dataset:
    """Times of a sweep of `image_order`, with predictions that are right but for scatter."""
    draws = np.random.default_rng(0)
    over = ("classes", "imbalance_ratio", "seed", "class")
    kinds = ("generalization_time", "memorization_time", "gap_onset_time")
    names = [prefix + kind for kind in kinds for prefix in ("", "exact_", "theory_")]
    coords = {
        "classes": ["bag/boot", "coat/shirt"], "imbalance_ratio": [1.0, 3.0], "seed": [0, 1],
        "class": [0, 1],
    }  # fmt: skip
    times = {name: (over, draws.uniform(1.0, 9.0, (2, 2, 2, 2))) for name in names}
    return xr.Dataset(times | {"status": (over[:3], np.zeros((2, 2, 2), np.int8))}, coords)


DATASETS = {
    "diffjax.plot": closed_form,
    "diffjax.plot.generated": copies,
    "diffjax.plot.generated_order": copies,
    "diffjax.plot.overlay_curves": with_theory,
    "diffjax.plot.overlay_maps": with_theory,
    "diffjax.plot.overlay_scaling": of_sizes,
    "diffjax.plot.potential": speciations,
    "diffjax.plot.speciation": speciations,
    "diffjax.plot.unet_curves": images,
    "diffjax.plot.unet_images": images,
    "diffjax.plot.unet_prediction": predicted,
    "diffjax.studies": small_sweep,
    "diffjax.sweep": small_sweep,
    "diffjax.timescales": small_sweep,
}
"""By the package or the module; the longest name counts."""


def dataset_for(module: str) -> xr.Dataset | None:
    """The dataset that the examples of a module call `ds`, if there is one."""
    fitting = [prefix for prefix in DATASETS if f"{module}.".startswith(f"{prefix}.")]
    return DATASETS[max(fitting, key=len)]() if fitting else None
