"""Anisotropic classes against the exact engine: the gap closes as 1/d_eff, not as 1/d."""

import numpy as np
import pytest

from diffjax.asymptotics.model import asymptotic_dynamics
from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from tests.asymptotics.anisotropic import law, power_law, rotation

pytestmark = pytest.mark.slow

TIMES = np.geomspace(1e-2, 1e7, 46)
SIZES = ((48, 6), (96, 3))
PLAIN = TheoryOptions(method="commuting")


def _two_levels_turned(dim):
    """Two-level spectra in unrelated bases."""
    levels = np.tile([[1.8, 0.2, 1.8, 0.2], [0.2, 1.3, 1.3, 0.2]], dim // 4)
    turns = rotation(dim, 0), rotation(dim, 1)
    return np.array([q @ np.diag(v) @ q.T for q, v in zip(turns, levels, strict=True)])


def _gaps(covariances_of, treatments, time=0.1):
    """(treatment, size, train and test) largest gap; test losses relative to max(1, loss)."""
    gaps = np.zeros((len(treatments), len(SIZES), 2))
    for j, (dim, seeds) in enumerate(SIZES):
        mixture = law(covariances_of(dim))
        found = [
            gradient_flow(
                RandomFeatureProblem(mixture, dim, 6 * dim, 3 * dim, time, training_times=TIMES,
                                     seed=seed)
            )
            for seed in range(seeds)
        ]  # fmt: skip
        train, test = (
            np.mean([getattr(f, name) for f in found], axis=0)
            for name in ("train_loss", "test_loss")
        )
        for i, options in enumerate(treatments):
            limit = asymptotic_dynamics(
                AsymptoticProblem(mixture, 6.0, 3.0, time, training_times=TIMES,
                                  theory_options=options)
            )  # fmt: skip
            gaps[i, j, 0] = np.abs(limit.train_loss - train).max()
            gaps[i, j, 1] = np.abs((limit.test_loss - test) / np.maximum(test, 1.0)).max()
    return gaps


def test_spread_spectra_converge_and_the_closure_helps():
    """Exponent 0.8: as 1/d_eff, d_eff = 13 and 19; the closure removes a third of the gap."""
    plain, closed = _gaps(
        lambda dim: power_law(0.8, dim),
        [PLAIN, TheoryOptions(method="commuting", hermite_closure=True)],
    )
    assert (plain[1] < 0.8 * plain[0]).all(), plain
    assert (plain[1] < [0.03, 0.06]).all(), plain
    assert (closed < 0.9 * plain).all() and (closed[:, 1] < 0.75 * plain[:, 1]).all(), closed


def test_concentrated_spectra_need_subclasses():
    """Exponent 1.2: d_eff stays at 4 to 5, and so does the gap unless the class is split."""
    plain, split = _gaps(
        lambda dim: power_law(1.2, dim), [PLAIN, TheoryOptions(method="sub-classes")]
    )
    assert plain[1, 1] > 0.8 * plain[0, 1] > 0.05, plain
    assert (split[:, 1] < 0.5 * plain[:, 1]).all() and (split < plain).all(), split


def test_unrelated_bases_need_matrices():
    """Their gap closes as 1/d; that of the diagonals in the pooled basis does not."""
    plain, full = _gaps(_two_levels_turned, [PLAIN, TheoryOptions(method="matrices")])
    assert (full[1] < 0.75 * full[0]).all() and (full[1] < 0.03).all(), full
    assert plain[1, 1] > 0.04 and plain[1, 1] > 2.0 * full[1, 1], plain


def test_flat_power_laws_converge_as_one_over_dimension():
    gaps = _gaps(lambda dim: power_law(0.4, dim), [PLAIN])[0]
    assert (gaps[1] < 0.72 * gaps[0]).all() and (gaps[1] < 0.03).all(), gaps
