"""solve, list, info and cite."""

import re

import numpy as np
import pytest
import xarray as xr

SMALL = ("dim=6", "num_features=24", "num_samples=12", "diffusion_time=0.3")


@pytest.fixture(scope="module")
def expected():
    """The same problem through the library."""
    from diffjax.mixture import two_classes
    from diffjax.random_features.model import gradient_flow
    from diffjax.random_features.problem import RandomFeatureProblem

    mixture = two_classes(stds=(1.5, 1.0), distance=2.0, imbalance_ratio=0.5)
    return gradient_flow(
        RandomFeatureProblem(
            mixture, dim=6, num_features=24, num_samples=12, diffusion_time=0.3, activation="erf"
        )
    )


FIELDS = (*SMALL, "stds=1.5,1", "distance=2", "imbalance_ratio=0.5", "activation=erf")


def test_solve_prints_the_library_s_numbers_and_writes_them(diffjax, expected):
    outcome = diffjax("solve", "gradient_flow", *FIELDS, "--out", "point.zarr")
    assert outcome.code == 0, outcome.err
    row = re.search(r"generalisation time +(\S+) +(\S+)", outcome.out)
    assert row is not None
    printed = [float(number) for number in row.groups()]
    assert printed == pytest.approx(np.asarray(expected.generalization_time), rel=1e-4)
    assert re.search(r"training samples +4 +8", outcome.out)
    assert "compiled in" in outcome.out
    ds = xr.open_dataset("point.zarr", engine="zarr")
    np.testing.assert_allclose(ds["test_loss"], expected.test_loss, rtol=1e-10)
    assert ds["test_loss"].dims == ("class", "training_time")
    assert "activation=erf" in outcome.out


def test_solve_draws_the_curves(diffjax, tmp_path):
    outcome = diffjax("solve", *FIELDS, "--out", "curves.png")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_solve_any_installed_model(diffjax, toy):
    outcome = diffjax("solve", "toy", "offset=2")
    assert outcome.code == 0, outcome.err
    assert "logarithm  0.69315" in outcome.out


def test_a_failed_point_sets_the_exit_code(diffjax, toy):
    outcome = diffjax("solve", "toy", "offset=-2")
    assert outcome.code == 3
    assert "did not converge" in outcome.out


def test_lists(diffjax, toy):
    assert "gradient_flow" in diffjax("list", "models").out
    assert "A power law" in diffjax("list", "models").out
    studies = diffjax("list").out
    assert studies == diffjax("list", "studies").out
    assert "phase-diagram" in studies
    assert "higher-variance-generalises-first" in studies
    fields = diffjax("list", "fields").out
    assert re.search(r"imbalance_ratio +number +0.25", fields)
    assert re.search(r"activation +static +tanh", fields)
    assert re.search(r"slope +number +2", diffjax("list", "fields", "toy").out)


def test_info_names_versions_and_settings(diffjax):
    import jax

    printed = diffjax("info").out
    assert re.search(rf"jax +{re.escape(jax.__version__)}", printed)
    assert re.search(r"64-bit numbers +on", printed)
    assert "OPENBLAS_NUM_THREADS" in printed


def test_cite(diffjax, toy_study):
    everything = diffjax("cite").out
    assert everything.count("\n@") + everything.startswith("@") == 4
    assert "2605.06367" in diffjax("cite", "variance-order").out
    of_toy = diffjax("cite", toy_study).out
    assert "2605.06367" in of_toy
    assert "2505.17638" not in of_toy
    assert "@software{diffjax" in of_toy


def test_version(diffjax):
    import importlib.metadata

    assert diffjax("--version").out.strip() == importlib.metadata.version("diffjax")
