"""Words and symbols on figures, from the attributes of a variable: symbol, long_name, units."""

import math

import numpy as np
import xarray as xr

_SYMBOLS = {
    "distance": r"|\mu_0-\mu_1|/\sqrt{d}",
    "imbalance_ratio": r"\rho_0/\rho_1",
    "std_ratio": r"\sigma_0/\sigma_1",
    "norm_ratio": r"|\mu_1|/|\mu_0|",
    "cosine": r"\cos(\mu_0,\mu_1)",
    "diffusion_time": "t",
    "dim": "d",
    "num_features": "p",
    "num_samples": "n",
    "bias_std": r"\sigma_b",
    "training_time": r"\tau",
    "training_times": r"\tau",
    "eigenvalues": r"\lambda",
    "generalization_time": r"\tau_\mathrm{gen}",
    "memorization_time": r"\tau_\mathrm{mem}",
    "gap_onset_time": r"\tau_\mathrm{gap}",
    "half_memorization_time": r"\tau_\mathrm{half}",
    "half_score_error_time": r"\tau_{1/2}",
}
"""Symbols of names that arrive without one."""

_ELEMENTS = {"stds": r"\sigma", "weights": r"\rho", "class_weights": r"\omega"}

_LONGEST_NAME = 32

_SPECIAL = {letter: f"\\{letter}" for letter in " _$%#{}"} | {"\\": r"\backslash ", "^": "ˆ"}
"""Letters of names that mean something in LaTeX."""

_NO_UNITS = {"1", "", "training time"}


def symbol(variable: xr.DataArray) -> str:
    """LaTeX of a variable without dollar signs, empty if it has none."""
    given = str(variable.attrs.get("symbol", "")).strip("$ ")
    name = str(variable.name).rsplit(".", maxsplit=1)[-1]
    return given or _SYMBOLS.get(name, "") or _element_symbol(name)


def short_label(variable: xr.DataArray) -> str:
    """The symbol alone, or the name in words: for narrow panels."""
    found = symbol(variable)
    return (f"${found}$" if found else words(variable.name)) + _units(variable)


def long_label(variable: xr.DataArray) -> str:
    r"""Name in words, symbol and units.

    Example:
        >>> long_label(xr.DataArray(1.0, name="training_time"))
        'training time $\\tau$'
    """
    found = symbol(variable)
    name = _name(variable)
    if found and "[" in name:  # stds[0]: the symbol says it better
        return short_label(variable)
    return name + (f" ${found}$" if found else "") + _units(variable)


def of_class(variable: xr.DataArray, class_name: object) -> str:
    """LaTeX of a per-class variable for one class, `\\tau^{(0)}`."""
    base = mark(variable)
    index = subscript(class_name)
    return f"{{{base}}}^{{({index})}}" if "^" in base else f"{base}^{{({index})}}"


def mark(variable: xr.DataArray) -> str:
    """LaTeX of a per-class variable without its class: the symbol, or the name in words."""
    return symbol(variable).removesuffix("^{(c)}") or _upright(words(variable.name))


def subscript(class_name: object) -> str:
    """LaTeX of a class as an index: a number, or its name in upright letters."""
    return str(class_name) if _is_number(class_name) else _upright(str(class_name))


def class_label(class_name: object) -> str:
    """A class in a legend: `class 0`, or its own name where it has one."""
    if _is_number(class_name):
        return f"class {class_name}"
    return str(class_name).replace("$", r"\$")


def _is_number(class_name: object) -> bool:
    return isinstance(class_name, (int, np.integer)) or str(class_name).isdecimal()


def words(name: object) -> str:
    """A variable's name in words."""
    return str(name).rsplit(".", maxsplit=1)[-1].replace("_", " ")


def number(value: float, digits: int = 3) -> str:
    """A number as mathematical text with so many digits, `8.63{\\times}10^{4}`."""
    if not math.isfinite(value):
        return r"\infty" if value > 0 else str(value)
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{float(f'{value:.{digits}g}'):g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return rf"{float(mantissa):g}{{\times}}10^{{{int(exponent)}}}"


def _name(variable: xr.DataArray) -> str:
    # a description may be a whole sentence; an axis has room for a name
    given = str(variable.attrs.get("long_name", ""))
    return given if 0 < len(given) <= _LONGEST_NAME else words(variable.name)


def _units(variable: xr.DataArray) -> str:
    units = str(variable.attrs.get("units", "1"))
    return "" if units in _NO_UNITS else f" ({units})"


def _element_symbol(name: str) -> str:
    field, _, position = name.partition("[")
    known = field in _ELEMENTS and position.endswith("]")
    return f"{_ELEMENTS[field]}_{{{position[:-1]}}}" if known else ""


def _upright(text: str) -> str:
    plain = "".join(_SPECIAL.get(letter, letter) for letter in text)
    return rf"\mathrm{{{plain}}}"
