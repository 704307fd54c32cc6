"""Settings of the whole suite: 64-bit numbers, strict shapes, one BLAS thread per process."""

import gc
import os
import shutil
import signal
import tempfile
import threading

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import numpy as np
import pytest

from tests import shape_checks

shape_checks.switch_on()
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")

# A suite started in the background of a script ignores Ctrl-C, and so would all that it tests.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Modules forget what they compiled (below); the processes of one run find it again in a folder.
FOLDER = "DIFFJAX_COMPILED_TESTS"


def pytest_configure(config):
    """The folder, made by the process that starts the others; small programs are kept, too."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ[FOLDER] = tempfile.mkdtemp(prefix="diffjax-compiled-")
    jax.config.update("jax_compilation_cache_dir", os.environ[FOLDER])
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def pytest_unconfigure(config):
    """Removed by that process, too."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


@pytest.fixture
def rng():
    """A fresh NumPy generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def compiled_programs() -> str:
    """The folder of compiled programs, for a process that a test starts."""
    return os.environ[FOLDER]


@pytest.fixture(scope="module", autouse=True)
def forget_compiled_programs():
    """Every compiled program holds memory maps, and a process may have 65530 of them."""
    yield
    jax.clear_caches()
    gc.collect()
