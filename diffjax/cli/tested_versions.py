"""Which versions of what diffjax depends on were tested: from the declared lowest to a newest."""

import importlib.metadata
import platform
import re

NEWEST = {
    "python": "3.13",
    "jax": "0.12.0.1",
    "jaxlib": "0.12.0.1",
    "equinox": "0.13.8",
    "optax": "0.2.8",
    "flax": "0.12.12",
    "numpy": "2.5.5",
    "xarray": "2026.9.0",
    "zarr": "3.4.2",
    "matplotlib": "3.11",
    "cyclopts": "5.5.2",
}
"""The newest ones that the tests have seen."""

_MINIMUM = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9.]+)")


def lowest() -> dict[str, str]:
    """Package to its lowest version, as the installed package declares it.

    Example:
        >>> lowest()["python"]
        '3.11'
    """
    about = importlib.metadata.metadata("diffjax")
    found = {"python": (about["Requires-Python"] or "").lstrip(">=")}
    for requirement in importlib.metadata.requires("diffjax") or ():
        declared, _, marker = requirement.partition(";")
        match = _MINIMUM.match(declared.strip())
        if match and "extra" not in marker:
            found[match[1]] = match[2]
    return found


def remark(package: str, installed: str) -> str:
    """What to say of an installed version; nothing if it lies in the tested range.

    Example:
        >>> remark("jax", "0.4.30").startswith("older than")
        True
        >>> remark("numpy", "2.1.0")
        ''
    """
    if not installed[:1].isdigit():
        return ""
    low, high = lowest().get(package), NEWEST.get(package)
    if low and _release(installed) < _release(low)[: len(_release(installed))]:
        return f"older than {low}, the lowest that works: upgrade it"
    if high and _release(installed)[: len(_release(high))] > _release(high):
        return f"newer than {high}, the newest that was tested"
    return ""


def python_remark() -> str:
    """The same of this interpreter."""
    return remark("python", platform.python_version())


def _release(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version."""
    match = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
