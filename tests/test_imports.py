"""Importing is cheap and has no side effects; each check runs in its own interpreter."""

import json
import os
import subprocess
import sys
import textwrap


def run(program: str, **variables: str):
    """Run a program in a fresh interpreter and return what it prints as JSON on its last line."""
    untouched = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JAX_", "XLA_", "OPENBLAS_"))
    }
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**untouched, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def test_import_diffjax_loads_no_heavy_package():
    loaded = run("""
        import json, sys
        import diffjax
        heavy = {"jax", "flax", "optax", "matplotlib", "xarray", "zarr", "numpy", "rich"}
        print(json.dumps(sorted(heavy & set(sys.modules))))
    """)
    assert loaded == []


def test_public_names_start_no_backend_and_leave_x64_alone():
    result = run("""
        import json, sys
        import diffjax, jax
        before = jax.config.jax_enable_x64
        for name in set(diffjax.__all__) - {"plot"}:
            getattr(diffjax, name)
        jax.config.update("jax_num_cpu_devices", 3)   # raises once a backend has started
        loaded = sorted({"flax", "matplotlib"} & set(sys.modules))
        print(json.dumps([before, jax.config.jax_enable_x64, len(jax.devices("cpu")), loaded]))
    """)
    assert result == [False, False, 3, []]


def test_help_is_light():
    loaded, seconds = run(
        """
        import contextlib, io, json, sys, time
        from diffjax.cli import main
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            code = main(["--help"])
        assert code == 0 and "sweep" in text.getvalue()
        heavy = {"jax", "xarray", "matplotlib", "numpy", "zarr", "flax"}
        print(json.dumps([sorted(heavy & set(sys.modules)), time.process_time()]))
        """,
        XDG_CACHE_HOME=os.devnull,
    )
    assert loaded == []
    assert seconds < 0.5  # processor time of the whole process, interpreter included


def test_help_of_a_verb_is_light():
    loaded = run(
        """
        import contextlib, io, json, sys
        from diffjax.cli import main
        with contextlib.redirect_stdout(io.StringIO()):
            codes = [main([verb, "--help"]) for verb in
                     ("solve", "explain", "sweep", "status", "figure", "unet", "list", "info",
                      "cite")]
        assert codes == [0] * 9
        heavy = {"jax", "xarray", "matplotlib", "numpy", "zarr", "flax"}
        print(json.dumps(sorted(heavy & set(sys.modules))))
        """,
        XDG_CACHE_HOME=os.devnull,
    )
    assert loaded == []


def test_the_command_computes_in_64_bits_on_all_cores(tmp_path):
    result = run(
        """
        import contextlib, io, json, os
        from diffjax.cli import main
        from diffjax.cli.environment import available_cores
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            assert main(["info"]) == 0
        import jax
        print(json.dumps([jax.config.jax_enable_x64, jax.local_device_count("cpu"),
                          available_cores(), os.environ["OPENBLAS_NUM_THREADS"]]))
        """,
        XDG_CACHE_HOME=str(tmp_path),
        JAX_PLATFORMS="cpu",
    )
    x64, devices, cores, threads = result
    assert x64 is True
    assert devices == cores
    assert threads == "1"
