"""Criteria on datasets where each claim is true, false or cannot be decided."""

import numpy as np
import pytest

from diffjax.studies.criteria import (
    higher_variance_first,
    imbalance_reverses,
    never_reversed,
    seeds_agree,
)

from .datasets import grid_dataset

GEN = "generalization_time"


def wider_first(std, distance, imbalance, seed):
    return -np.log10(std)


def reversed_far_out(std, distance, imbalance, seed):
    """Wider first, but a rare class 0 comes later at large distance; zero at imbalance std^-4."""
    return -np.log10(std) - 0.25 * (distance > 1) * np.log10(imbalance)


def test_the_rule_holds_where_it_is_true():
    verdict = higher_variance_first(GEN, {"imbalance_ratio": 1.0})(grid_dataset(wider_first))
    assert verdict.holds is True
    assert (verdict.numbers["agree"], verdict.numbers["against"]) == (4, 0)
    assert verdict.numbers["exceptions"] == []


def test_the_rule_fails_with_its_exceptions_named():
    ds = grid_dataset(lambda s, d, r, seed: np.log10(s) * np.where(d > 1, 1, -1))
    verdict = higher_variance_first(GEN, {"imbalance_ratio": 1.0})(ds)
    assert verdict.holds is False
    assert (verdict.numbers["agree"], verdict.numbers["against"]) == (2, 2)
    assert [(e["stds[0]"], e["distance"]) for e in verdict.numbers["exceptions"]] == [
        (0.5, 2.0),
        (1.5, 2.0),
    ]
    assert "stds[0]=0.5" in verdict.text


def test_equal_variances_are_no_exception():
    ds = grid_dataset(lambda s, d, r, seed: np.where(s == 1.0, 0.5, -np.log10(s)))
    verdict = higher_variance_first(GEN, {})(ds)
    assert verdict.holds is True
    assert verdict.numbers["exceptions"] == []


def test_a_single_point_can_be_judged():
    at = {"imbalance_ratio": 1.0, "distance": 0.0, "stds[0]": 1.5}
    assert higher_variance_first(GEN, at)(grid_dataset(wider_first)).holds is True


def test_the_other_class_may_have_any_standard_deviation():
    # sigma_1 = 4: class 1 is wider everywhere and last, so the rule fails everywhere
    ds = grid_dataset(lambda s, d, r, seed: -np.ones_like(s), std_1=4.0)
    verdict = higher_variance_first(GEN, {"imbalance_ratio": 1.0})(ds)
    assert (verdict.numbers["agree"], verdict.numbers["against"]) == (0, 6)


def test_nothing_computed_decides_nothing():
    ds = grid_dataset(lambda s, d, r, seed: s * np.nan)
    assert higher_variance_first(GEN, {})(ds).holds is None


def test_reversal_by_imbalance_with_its_crossing():
    verdict = imbalance_reverses(GEN)(grid_dataset(reversed_far_out))
    assert verdict.holds is True
    # for std 0.5 the zero lies at an imbalance ratio of 16, outside the grid
    (found,) = verdict.numbers["lines"]
    assert found["place"] == {"stds[0]": 1.5, "distance": 2.0}
    assert found["crossing"] == pytest.approx(1.5**-4.0)
    assert found["crossings"] == pytest.approx((1.5**-4.0,) * 2)
    assert imbalance_reverses(GEN)(grid_dataset(wider_first)).holds is False


def test_never_reversed_on_a_part_of_the_grid():
    ds = grid_dataset(reversed_far_out)
    assert never_reversed(GEN, {"distance": 0.0})(ds).holds is True
    far = never_reversed(GEN, {"distance": 2.0})(ds)
    assert far.holds is False
    assert far.numbers["imbalance_ratios"] == pytest.approx([1 / 9, 9])


def test_seeds_that_scatter_more_than_the_effect():
    quiet = grid_dataset(lambda s, d, r, seed: -np.log10(s) + 0.001 * seed)
    noisy = grid_dataset(lambda s, d, r, seed: -0.01 * np.log10(s) + 0.5 * (seed - 0.5))
    assert seeds_agree(GEN)(quiet).holds is True
    verdict = seeds_agree(GEN)(noisy)
    assert verdict.holds is False
    assert verdict.numbers["same_order_share"] == 0.0
    assert seeds_agree(GEN)(quiet.isel(seed=[0])).holds is None
