"""Which solver computes the curves: by a rule, or by what was measured on this kind of device.

Compiled programs follow the rule alone, which depends on the platform only.  Measurements are
looked up on the host, by a direct call of the model or when a sweep starts; they lie in one JSON
file per user, are written by `measure_solvers` and by nothing else, and never concern a CPU.
"""

import importlib.metadata
import json
import math
import os
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax

from diffjax.errors import InputError

Solver = Literal["auto", "eigh", "doubling"]
SOLVERS: tuple[Literal["eigh", "doubling"], ...] = ("eigh", "doubling")

_FORMAT = "diffjax solver times"
_LARGEST_FILE = 2**20
_FARTHEST_OCTAVES = 1.0


class SolverChoice(NamedTuple):
    """A solver, and why it is the one."""

    solver: Literal["eigh", "doubling"]
    reason: str


def choose_solver(solver: Solver, platform: str | None = None) -> Literal["eigh", "doubling"]:
    """The solver meant by "auto": eigh where LAPACK or cuSOLVER is, products only on a TPU.

    Args:
        solver: a name, or "auto".
        platform: "cpu", "gpu" or "tpu"; None for the one in use.

    Raises:
        InputError: an unknown name.
    """
    if not isinstance(solver, str) or solver not in ("auto", *SOLVERS):
        raise InputError(
            f"solver={solver!r}", "auto, eigh or doubling", "leave it out for the fastest one here"
        )
    if solver != "auto":
        return solver
    return "doubling" if (platform or jax.default_backend()) == "tpu" else "eigh"


def fastest_solver(num_features: int, device: Any = None, file: Path | None = None) -> SolverChoice:
    """The faster solver as far as it was measured, else that of the rule.

    A measurement counts if it was made on this kind of device, with these numbers and this version
    of jaxlib, at half to twice as many features.

    Args:
        num_features: p.
        device: where it shall run; None for the first device.
        file: of the measurements; None for the user's.

    Example:
        >>> fastest_solver(1024, file=Path("does-not-exist")).solver
        'eigh'
    """
    device = jax.local_devices()[0] if device is None else device
    rule = SolverChoice(choose_solver("auto", device.platform), f"rule for a {device.platform}")
    if device.platform == "cpu":
        return rule
    measured = solver_times(device, file)
    near = sorted(measured, key=lambda size: abs(math.log2(size / num_features)))
    if not near or abs(math.log2(near[0] / num_features)) > _FARTHEST_OCTAVES:
        return SolverChoice(rule.solver, f"{rule.reason}: not measured at p={num_features}")
    times = measured[near[0]]
    texts = (f"{name} {1e3 * times[name]:.3g} ms" for name in SOLVERS)
    return SolverChoice(
        min(SOLVERS, key=times.__getitem__), f"measured at p={near[0]}: {', '.join(texts)} a point"
    )


def settled_options(
    problem: Any,
    options: Mapping[str, Any],
    device: Any,
    stored: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The options of a sweep with "auto" replaced where a measurement speaks against the rule.

    So a run folder says which solver its points come from, and a run that goes on later or
    elsewhere keeps to it.

    Args:
        problem: the base problem, whose number of features counts.
        options: of the model, as the caller gave them.
        device: where the sweep runs.
        stored: options in the run folder that is to be continued; None for a new run.
    """
    if options.get("solver", "auto") != "auto":
        return dict(options)
    if stored is not None:
        return {**options, **{name: stored[name] for name in ("solver",) if name in stored}}
    found = fastest_solver(getattr(problem, "num_features", 1), device).solver
    as_by_rule = found == choose_solver("auto", device.platform)
    return dict(options) if as_by_rule else {**options, "solver": found}


def solver_times(device: Any, file: Path | None = None) -> dict[int, dict[str, float]]:
    """Seconds per point of both solvers by the number of features, as measured on such a device."""
    entry = _read(file or measurement_file()).get(device_key(device), {})
    return {int(size): dict(times) for size, times in entry.items()}


def keep_solver_times(
    device: Any, times: Mapping[int, Mapping[str, float]], file: Path | None = None
) -> Path | None:
    """Add measurements to the file; a reader sees the old content or the new one.

    Returns:
        The file, or None where none can be written.
    """
    target = file or measurement_file()
    if target is None:
        return None
    content = _read(target)
    entry: MutableMapping[str, Any] = content.setdefault(device_key(device), {})
    entry.update(
        {str(size): {n: float(found[n]) for n in SOLVERS} for size, found in times.items()}
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, suffix=".json", delete=False
        ) as written:
            json.dump({"format": _FORMAT, "seconds_per_point": content}, written, indent=1)
        os.replace(written.name, target)
    except OSError:
        return None
    return target


def device_key(device: Any) -> str:
    """What must agree for a time to be of use: kind of device, numbers, version of jaxlib."""
    numbers = jax.dtypes.canonicalize_dtype(float)
    return f"{device.device_kind}, {numbers}, jaxlib {importlib.metadata.version('jaxlib')}"


def measurement_file() -> Path | None:
    """Where a user's measurements lie: diffjax/solvers.json below XDG_CACHE_HOME or ~/.cache."""
    try:
        base = os.environ.get("XDG_CACHE_HOME")
        folder = Path(base) if base else Path.home() / ".cache"
    except RuntimeError:  # no home folder
        return None
    return folder / "diffjax" / "solvers.json"


def _read(file: Path | None) -> dict[str, dict[str, dict[str, float]]]:
    """The content of the file, without whatever in it is not as it should be."""
    try:
        if file is None or file.stat().st_size > _LARGEST_FILE:
            return {}
        content = json.loads(file.read_text())
        if content["format"] != _FORMAT:
            return {}
        found = content["seconds_per_point"].items()
        return {str(key): _sound(entry) for key, entry in found if isinstance(entry, dict)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _sound(entry: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {
        size: {name: times[name] for name in SOLVERS}
        for size, times in entry.items()
        if size.isascii()
        and size.isdigit()
        and 0 < int(size) < 2**31
        and isinstance(times, dict)
        and all(_is_time(times.get(name)) for name in SOLVERS)
    }


def _is_time(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value > 0
