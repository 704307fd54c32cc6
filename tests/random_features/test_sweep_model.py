"""The engine's shared stages give what direct calls give, for mixtures and for data."""

import dataclasses

import numpy as np
import pytest

import diffjax as dj


def test_sweep_equals_direct_calls():
    mixture = dj.two_classes(stds=(1.4, 1.0), distance=1.0, cosine=0.2)
    problem = dj.RandomFeatureProblem(mixture, 12, 40, 24, 0.2)
    axes = {"distance": [0.5, 1.0], "imbalance_ratio": [0.5, 2.0], "seed": [0, 3]}
    dataset = dj.sweep(dj.gradient_flow, problem, axes)
    for distance, ratio, seed in [(0.5, 2.0, 3), (1.0, 0.5, 0)]:
        point = dataset.sel({"distance": distance, "imbalance_ratio": ratio, "seed": seed})
        moved = dataclasses.replace(mixture, distance=distance, imbalance_ratio=ratio)
        direct = dj.gradient_flow(dataclasses.replace(problem, mixture=moved, seed=seed))
        for name in ("train_loss", "test_loss", "memorization_time", "eigenvalues"):
            np.testing.assert_allclose(point[name], getattr(direct, name), rtol=1e-9, atol=1e-12)


def test_data_problems_share_nothing_and_sweep_all_the_same():
    rng = np.random.default_rng(1)
    labels = np.repeat(["boot", "shirt"], 20)
    problem = dj.DatasetProblem(
        rng.normal(size=(40, 8)), labels, rng.normal(size=(40, 8)), labels, 0.1, num_features=32
    )
    dataset = dj.sweep(dj.gradient_flow, problem, {"diffusion_time": [0.05, 0.1]})
    assert dataset["class"].values.tolist() == ["boot", "shirt"]
    assert dataset["training_times"].dims == ("diffusion_time", "training_time")
    direct = dj.gradient_flow(problem)
    point = dataset.sel({"diffusion_time": 0.1})
    np.testing.assert_allclose(point["test_loss"], direct.test_loss, rtol=1e-10)


def test_float32_is_refused_by_the_sweep_as_by_the_call():
    jax = pytest.importorskip("jax")
    problem = dj.RandomFeatureProblem(dj.two_classes(), 8, 16, 8, 0.2)
    with jax.enable_x64(False):
        with pytest.raises(dj.PrecisionError, match="jax_enable_x64"):
            dj.gradient_flow(problem)
        with pytest.raises(dj.InputError, match="64"):
            dj.sweep(dj.gradient_flow, problem, {"seed": [0]})
