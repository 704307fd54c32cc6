"""Datasets of the closed form in `two_rates`, fresh for every test."""

import pytest

from .two_rates import two_rate_sweep


@pytest.fixture(scope="session")
def _sweep():
    return two_rate_sweep()


@pytest.fixture(scope="session")
def _seeded():
    return two_rate_sweep(seeds=3)


@pytest.fixture
def sweep(_sweep):
    """One realisation, no dimension `seed`."""
    return _sweep.isel(seed=0, drop=True).copy(deep=True)


@pytest.fixture
def seeded(_seeded):
    """Three realisations."""
    return _seeded.copy(deep=True)


@pytest.fixture
def point(sweep):
    """One grid point."""
    return sweep.isel(std_ratio=5, distance=1, imbalance_ratio=4)
