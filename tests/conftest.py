"""Settings of the whole suite: 64-bit numbers, strict shapes, one BLAS thread per process."""

import gc
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def rng():
    """A fresh NumPy generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture(scope="module", autouse=True)
def forget_compiled_programs():
    """Every compiled program holds memory maps, and a process may have 65530 of them."""
    yield
    jax.clear_caches()
    gc.collect()
