"""Named streams: reproducible, distinct, and extended without shifting earlier draws."""

import jax
import numpy as np
import pytest

from diffjax.numerics.random_streams import STREAMS, normal_rows, stream


def test_streams_have_distinct_numbers_and_draws():
    assert len(set(STREAMS.values())) == len(STREAMS)
    draws = np.array([np.asarray(normal_rows(stream(3, name), 1, 4)) for name in STREAMS])
    assert len(np.unique(draws.round(12))) == draws.size


def test_larger_problem_begins_with_the_smaller_one():
    small, large = (normal_rows(stream(7, "weights"), rows, 5) for rows in (3, 30))
    np.testing.assert_array_equal(small, large[:3])


def test_seed_may_be_traced():
    eager = normal_rows(stream(11, "samples"), 4, 3)
    traced = jax.jit(lambda seed: normal_rows(stream(seed, "samples"), 4, 3))(11)
    np.testing.assert_allclose(eager, traced, rtol=1e-14)


def test_rows_are_standard_normal_and_independent():
    """Mean, variance and cross-correlation of 2e5 draws within 5 standard errors."""
    draws = np.asarray(normal_rows(stream(0, "samples"), 20_000, 10))
    assert abs(draws.mean()) < 5 / np.sqrt(draws.size)
    assert abs(draws.var() - 1) < 5 * np.sqrt(2 / draws.size)
    correlation = draws.T @ draws / len(draws) - np.eye(10)
    assert np.abs(correlation).max() < 5 * np.sqrt(2 / len(draws))


def test_unknown_stream_is_an_error():
    with pytest.raises(KeyError):
        stream(0, "wieghts")
