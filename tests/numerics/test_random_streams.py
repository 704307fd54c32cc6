"""Named streams: reproducible, distinct, and extended without shifting earlier draws."""

import jax
import numpy as np
import pytest

from diffjax.numerics.random_streams import (
    STREAMS,
    Rows,
    draw_rows,
    first_rows,
    normal_rows,
    stream,
    streams,
)


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


def test_rows_are_what_jax_draws_one_by_one():
    """Row i is jax.random.normal of the key folded with i, in 32 bits."""
    key = stream(5, "weights")
    expected = [jax.random.normal(jax.random.fold_in(key, i), (6,), "float32") for i in range(11)]
    np.testing.assert_array_equal(normal_rows(key, 11, 6), np.asarray(expected, float))


@pytest.mark.parametrize("counts", [(1, 1, 1), (7, 3, 2), (4, 8, 5)])
def test_blocks_drawn_together_are_those_drawn_alone(counts):
    keys = streams(9, "weights", "biases", "centroids")
    dims = (5, 1, 5)
    together = draw_rows(*map(first_rows, keys, counts, dims))
    for rows, key, count, dim in zip(together, keys, counts, dims, strict=True):
        assert rows.shape == (count, dim)
        np.testing.assert_array_equal(rows, normal_rows(key, count, dim))


def test_rows_of_mixed_keys_in_any_order():
    keys, numbers = streams(2, "samples", "noise"), np.array([4, 0, 2])
    found = draw_rows(Rows(keys[np.array([1, 0, 1])], numbers, 3))[0]
    alone = [normal_rows(keys[k], 1, 3, first=n)[0] for k, n in ((1, 4), (0, 0), (1, 2))]
    np.testing.assert_array_equal(found, alone)
