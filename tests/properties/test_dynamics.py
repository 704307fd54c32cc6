"""Dynamics by hypothesis: laws that hold for every value of the leaves (one compilation)."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from diffjax.mixture import two_classes
from diffjax.random_features.dataset_problem import DatasetProblem
from diffjax.random_features.model import gradient_flow
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.status import Status

TIMES = np.geomspace(1e-4, 1e8, 61)

problems = st.builds(
    lambda stds, distance, ratio, cosine, time, seed, bias: RandomFeatureProblem(
        two_classes(stds, distance, ratio, cosine), 12, 32, 24, time,
        training_times=TIMES, seed=seed, bias_std=bias,
    ),
    stds=st.tuples(st.floats(0.1, 4.0), st.floats(0.1, 4.0)),
    distance=st.floats(0.0, 8.0),
    ratio=st.floats(0.1, 10.0),
    cosine=st.floats(-1.0, 0.9),
    time=st.floats(3e-3, 3.0),
    seed=st.integers(0, 2**31 - 1),
    bias=st.floats(0.0, 2.0),
)  # fmt: skip
few = settings(max_examples=25, deadline=None, derandomize=True)


@few
@given(problems)
def test_laws_of_every_run(problem):
    """Training never raises its own loss, no test loss is below its floor, nothing is nan."""
    found = gradient_flow(problem)
    assert int(found.status) in (Status.OK, Status.NOT_REACHED, Status.IMPRECISE)
    assert (np.diff(np.asarray(found.total_train_loss)) <= 1e-11).all()
    assert (np.asarray(found.test_loss) > np.asarray(found.bayes_floor)[:, None]).all()
    assert (np.asarray(found.eigenvalues) > 0).all()
    assert (np.diff(np.asarray(found.eigenvalues)) >= 0).all()
    assert int(found.sample_counts.sum()) == 24
    for name in ("generalization_time", "memorization_time", "gap_onset_time"):
        assert (np.asarray(getattr(found, name)) > 0).all()


@few
@given(problems)
def test_two_solvers_agree_everywhere(problem):
    """To 1e-10 of the largest loss, or to what rounding leaves of the smallest eigenvalue."""
    one, other = (gradient_flow(problem, solver=solver) for solver in ("eigh", "doubling"))
    lam = np.asarray(one.eigenvalues)
    scale = max(float(np.abs(x).max()) for x in (one.test_loss, one.final_test_loss))
    tolerance = max(1e-10, 1e-15 * lam[-1] / lam[0]) * scale
    for name in ("train_loss", "test_loss", "final_train_loss", "final_test_loss"):
        difference = np.abs(getattr(one, name) - getattr(other, name)).max()
        assert difference < tolerance, (name, difference, tolerance)


@few
@given(st.integers(0, 2**31 - 1), st.floats(0.01, 2.0), st.floats(0.0, 1.5))
def test_symmetries_of_random_data(seed, diffusion_time, bias_std):
    """Rotation, order of rows and names of classes; sign flips too if there are no biases."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], 12))
    samples, weights = rng.standard_normal((24, 12)), rng.standard_normal((32, 12))
    rotation = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    signs = rng.choice([-1.0, 1.0], size=(24, 1)) if bias_std == 0 else np.ones((24, 1))
    shuffle = rng.permutation(24)

    def curves(points, names, features):
        return gradient_flow(
            DatasetProblem(
                points, names, points[::-1], names[::-1], diffusion_time,
                feature_weights=features, training_times=TIMES, bias_std=bias_std,
            )
        )  # fmt: skip

    one = curves(samples, labels, weights)
    moved = (signs * samples @ rotation)[shuffle]
    other = curves(moved, 1 - labels[shuffle], weights @ rotation)
    lam = np.asarray(one.eigenvalues)
    tolerance = max(1e-10, 1e-15 * lam[-1] / lam[0])
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(
            np.asarray(getattr(one, name))[::-1],
            getattr(other, name),
            rtol=tolerance,
            atol=tolerance,
        )
