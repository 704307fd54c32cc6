"""Statuses combine by severity, whatever their numbers are."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.status import BY_SEVERITY, FAILURES, MISSING, Status, describe, worst, worst_along


def test_numbers_of_stored_runs_keep_their_meaning():
    stored = {"OK": 0, "NOT_REACHED": 1, "IMPRECISE": 2, "NOT_CONVERGED": 3, "NON_FINITE": 4}
    assert {name: int(Status[name]) for name in stored} == stored


def test_every_status_is_described_once_and_failures_are_the_most_severe():
    assert set(BY_SEVERITY) == {MISSING, *Status} and len(BY_SEVERITY) == len(Status) + 1
    assert len({describe(code) for code in BY_SEVERITY}) == len(BY_SEVERITY)
    assert set(BY_SEVERITY[-len(FAILURES) :]) == FAILURES


def test_worst_of_pairs_is_the_later_one_in_every_kind_of_array():
    for (i, a), (j, b) in itertools.product(enumerate(BY_SEVERITY), repeat=2):
        expected = BY_SEVERITY[max(i, j)]
        assert worst(a, b) == expected
        assert int(worst(np.int8(a), np.array(int(b)))) == expected
        assert int(jax.jit(worst)(jnp.int8(a), jnp.int8(b))) == expected


def test_worst_along_an_axis(rng):
    codes = rng.integers(-1, 9, size=(5, 7)).astype(np.int8)
    expected = [worst(*map(int, row)) for row in codes]
    np.testing.assert_array_equal(worst_along(codes, axis=1), expected)
    np.testing.assert_array_equal(jax.jit(lambda c: worst_along(c, 1))(codes), expected)
    assert worst_along(codes) == worst(*map(int, codes.ravel()))
