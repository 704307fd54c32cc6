"""Specs by hypothesis: what is valid is accepted and kept, what is not is refused in words."""

import dataclasses

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffjax.diffusion import bayes_floor
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, TwoClasses, two_classes
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import class_counts

settings.register_profile("suite", max_examples=50, deadline=None, derandomize=True)
settings.load_profile("suite")

positive = st.floats(1e-3, 1e3)
pairs = st.builds(
    two_classes,
    stds=st.tuples(positive, positive),
    distance=st.floats(0.0, 50.0),
    imbalance_ratio=st.floats(1e-2, 1e2),
    cosine=st.floats(-1.0, 0.99),
    norm_ratio=st.floats(0.05, 20.0),
)


@st.composite
def mixtures(draw):
    classes = draw(st.integers(1, 4))
    vector = st.lists(positive, min_size=classes, max_size=classes)
    weights = np.array(draw(vector))
    entries = st.floats(-3.0, 3.0)
    root = np.array(draw(st.lists(entries, min_size=classes**2, max_size=classes**2)))
    root = root.reshape(classes, classes)
    return GaussianMixture(draw(vector), weights / weights.sum(), root @ root.T)


@given(pairs)
def test_geometry_of_two_classes(mixture):
    gram, weights = np.asarray(mixture.gram), np.asarray(mixture.weights)
    assert gram[0, 0] + gram[1, 1] - 2 * gram[0, 1] == pytest.approx(
        float(mixture.distance) ** 2, rel=1e-9, abs=1e-9
    )
    assert np.linalg.eigvalsh(gram)[0] >= -1e-12 * max(1.0, np.trace(gram))
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] / weights[1] == pytest.approx(float(mixture.imbalance_ratio))


@given(pairs, st.floats(-0.999, 0.99), st.floats(0.0, 9.0))
def test_replacing_a_field_keeps_the_others(mixture, cosine, distance):
    changed = dataclasses.replace(mixture, cosine=cosine, distance=distance)
    assert isinstance(changed, TwoClasses) and float(changed.cosine) == cosine
    np.testing.assert_array_equal(changed.stds, mixture.stds)
    assert float(mixture.norm_ratio) == float(changed.norm_ratio)


@given(mixtures(), st.integers(0, 2**31), st.floats(1e-6, 10.0))
def test_flattening_and_rebuilding_is_the_identity(mixture, seed, diffusion_time):
    problem = RandomFeatureProblem(mixture, 16, 32, 10**8, diffusion_time, seed=seed)
    leaves, structure = jax.tree.flatten(problem)
    rebuilt = jax.tree.unflatten(structure, leaves)
    assert jax.tree.structure(rebuilt) == structure
    assert hash(structure) == hash(jax.tree.structure(rebuilt))
    for one, other in zip(leaves, jax.tree.leaves(rebuilt), strict=True):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_array_equal(one, other)


@given(mixtures(), st.floats(1e-4, 5.0))
def test_floors_lie_between_zero_and_one_and_rise_with_the_spread(mixture, diffusion_time):
    floor = np.asarray(bayes_floor(mixture, diffusion_time))
    assert ((floor > 0) & (floor < 1)).all()
    order = np.argsort(np.asarray(mixture.stds))
    assert (np.diff(floor[order]) >= -1e-12).all()


@given(st.lists(positive, min_size=1, max_size=6), st.integers(1, 10_000))
def test_counts_are_whole_and_complete(raw, total):
    weights = np.array(raw) / np.sum(raw)
    counts = np.asarray(class_counts(weights, total))
    assert counts.sum() == total and (counts >= 0).all()
    assert np.abs(counts - total * weights).max() < 1 + 1e-6


def refused(build):
    with pytest.raises(InputError) as caught:
        build()
    error = caught.value
    assert str(error) == f"{error.got}; {error.allowed}; {error.remedy}"
    assert min(map(len, (error.got, error.allowed, error.remedy))) > 3


not_positive = st.one_of(st.floats(max_value=0.0), st.sampled_from([np.nan, np.inf]))


@given(not_positive, st.booleans())
def test_stds_that_are_not_positive_numbers_are_refused(value, first):
    refused(lambda: two_classes(stds=(value, 1.0) if first else (1.0, value)))
    refused(lambda: GaussianMixture((value, 1.0)))


@given(not_positive, st.sampled_from(["imbalance_ratio", "norm_ratio"]))
def test_ratios_that_are_not_positive_numbers_are_refused(value, name):
    refused(lambda: two_classes(**{name: value}))


@given(st.floats(1.0, 10.0, exclude_min=True), st.booleans())
def test_cosines_beyond_one_are_refused(value, negative):
    refused(lambda: two_classes(cosine=-value if negative else value))


@given(st.lists(st.floats(0.01, 1.0), min_size=2, max_size=5))
def test_weights_that_do_not_sum_to_one_are_refused(raw):
    weights = np.array(raw)
    if abs(weights.sum() - 1) < 1e-5:
        weights = weights * 1.1
    refused(lambda: GaussianMixture(np.ones(len(weights)), weights))


@given(st.floats(1.01, 100.0))
def test_impossible_scalar_products_are_refused(excess):
    """|mu_0 . mu_1| above |mu_0| |mu_1|."""
    refused(lambda: GaussianMixture((1.0, 1.0), centroid_gram=[[1.0, excess], [excess, 1.0]]))


@given(st.floats(1e-5, 0.4))
def test_classes_without_samples_are_refused(weight):
    mixture = GaussianMixture((1.0, 1.0), (weight, 1 - weight))
    count = int(0.49 / weight)
    refused(lambda: RandomFeatureProblem(mixture, 8, 16, count, 0.1))
