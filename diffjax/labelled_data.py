"""Labels of samples as the user has them, and warnings about data that may not be what is meant."""

import hashlib
import itertools
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from diffjax.errors import DataWarning, InputError

_REMEDIES = {
    "c": "give real or text labels",
    "M": "give one text per class",
    "m": "give one text per class",
    "V": "give one column of labels",
}


def read_labels(name: str, labels: Any) -> np.ndarray:
    """One label per sample, as whole numbers, truth values or text.

    Whole numbers that are stored as floats become whole numbers, bytes become text.

    Args:
        name: of the argument, for messages.
        labels: (n,) labels.

    Returns:
        (n,) array of int64, bool or text.

    Raises:
        InputError: another shape, missing labels, fractions, dates, or labels of several types.

    Example:
        >>> read_labels("labels", [3.0, 8.0]).tolist(), read_labels("labels", [b"a"]).tolist()
        ([3, 8], ['a'])
    """
    masked = np.ma.count_masked(labels) if isinstance(labels, np.ma.MaskedArray) else 0
    try:
        array = np.asarray(labels)
    except ValueError:
        raise InputError(f"{name} is ragged", "one label per sample", "make it flat") from None
    if masked:
        raise _missing(name, "masked", int(np.ma.getmaskarray(labels).argmax()), int(masked))
    _check_shape(name, array)
    if array.dtype.kind == "O":
        array = _of_one_type(name, array)
    elif isinstance(labels, list | tuple) and array.dtype.kind in "US":
        _of_one_type(name, np.array(labels, dtype=object))  # NumPy writes [1, None, "a"] as text
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "f":
        return _whole(name, array)
    if array.dtype.kind in _REMEDIES:
        raise InputError(
            f"{name} holds values of type {array.dtype}",
            "whole numbers or text",
            _REMEDIES[array.dtype.kind],
        )
    return array


def check_counts(name: str, samples: Any, labels: np.ndarray) -> None:
    """Raise InputError unless there is one label for each row of (n, d) samples."""
    shape = np.shape(samples)
    if len(shape) != 2 or shape[0] != len(labels):
        raise InputError(
            f"{name}samples has shape {shape}, {name}labels {labels.shape}",
            "(number of samples, dim) and one label per sample",
            "flatten images with samples.reshape(len(samples), -1)",
        )


def warn_of_similar_names(labels: np.ndarray, stacklevel: int = 2) -> None:
    """Warn of classes whose names differ in blanks, capitals or the coding of letters only."""
    if labels.dtype.kind not in "UT":
        return
    names, counts = np.unique(labels, return_counts=True)
    sizes = dict(zip(names.tolist(), counts.tolist(), strict=True))
    for one, other in itertools.combinations(sizes, 2):
        if _plain(one) == _plain(other):
            warnings.warn(
                f"classes {one!r} ({sizes[one]} samples) and {other!r} ({sizes[other]} samples) "
                "differ in blanks or capitals only: they count as two classes; rename the labels "
                "if they are one",
                DataWarning,
                stacklevel=stacklevel + 1,
            )


def warn_of_copies(train: np.ndarray, test: np.ndarray, stacklevel: int = 2) -> None:
    """Warn of held-out samples that are training samples, and of samples given twice.

    Args:
        train: (n, d) training samples.
        test: (m, d) held-out samples.
        stacklevel: as of `warnings.warn`, 2 for the caller of this function.
    """
    train_ids, test_ids = _row_ids([train, test])
    shared = np.isin(test_ids, train_ids)
    if shared.any():
        place = int(shared.argmax())
        whole = "all" if shared.all() else str(int(shared.sum()))
        warnings.warn(
            f"{whole} of {len(test)} held-out samples are training samples, too (the first is "
            f"test_samples[{place}]): the test loss then follows the train loss, and times that "
            "compare the two say little; hold out samples that are not trained on",
            DataWarning,
            stacklevel=stacklevel + 1,
        )
    for name, ids in (("train_samples", train_ids), ("test_samples", test_ids)):
        copies = len(ids) - len(np.unique(ids))
        if copies:
            warnings.warn(
                f"{copies} of {len(ids)} {name} repeat another one: a repeated sample counts as "
                "often as it stands there and is memorised earlier; remove copies that are not "
                "meant",
                DataWarning,
                stacklevel=stacklevel + 1,
            )


def _row_ids(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A number for each row that is the same for equal rows and for no others."""
    seen: dict[bytes, int] = {}
    return [np.array([seen.setdefault(d, len(seen)) for d in _digests(part)]) for part in parts]


def _digests(rows: np.ndarray) -> Iterator[bytes]:
    for row in rows:
        plain = np.ascontiguousarray(row, np.float64) + 0.0  # -0.0 is 0.0
        yield hashlib.blake2b(plain.tobytes(), digest_size=16).digest()


def _check_shape(name: str, array: np.ndarray) -> None:
    if array.ndim == 1 and array.size:
        return
    remedy = "give one label for each sample"
    if array.ndim == 2 and 1 in array.shape:
        remedy = "use labels.ravel()"
    elif array.ndim == 2 and _is_one_hot(array):
        remedy = "these are one-hot: use labels.argmax(axis=1)"
    raise InputError(f"{name} has shape {array.shape}", "one label per sample, shape (n,)", remedy)


def _is_one_hot(array: np.ndarray) -> bool:
    numeric = array.dtype.kind in "biuf" and array.shape[1] > 1
    return numeric and bool(((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all())


def _of_one_type(name: str, array: np.ndarray) -> np.ndarray:
    """An array of objects as one of text or numbers."""
    absent = [
        label is None or label != label or type(label).__name__ == "NAType" for label in array
    ]
    if any(absent):
        place = absent.index(True)
        raise _missing(name, str(array[place]), place, sum(absent))
    types = {_kind(label) for label in array}
    if len(types) > 1 or types == {"other"}:
        named = sorted({type(label).__name__ for label in array})
        raise InputError(
            f"{name} holds values of type {', '.join(named)}",
            "all whole numbers or all text",
            "use [str(label) for label in labels]",
        )
    return np.array(array.tolist())


def _kind(label: Any) -> str:
    kinds = {"text": str, "bytes": bytes, "truth": bool | np.bool_}
    for kind, types in kinds.items():
        if isinstance(label, types):
            return kind
    return "number" if isinstance(label, int | float | np.integer | np.floating) else "other"


def _whole(name: str, array: np.ndarray) -> np.ndarray:
    absent = np.isnan(array)
    if absent.any():
        raise _missing(name, "nan", int(absent.argmax()), int(absent.sum()))
    fractions = ~np.isfinite(array) | (array != np.round(array)) | (np.abs(array) > 2.0**53)
    if fractions.any():
        place = int(fractions.argmax())
        raise InputError(
            f"{name}[{place}] is {array[place]:g}",
            "labels of classes: whole numbers or text",
            "bin a continuous quantity into classes first, or write the labels as text",
        )
    return array.astype(np.int64)


def _missing(name: str, what: str, place: int, count: int) -> InputError:
    return InputError(
        f"{name}[{place}] is {what} ({count} such label{'s' if count > 1 else ''})",
        "every sample has a label",
        "leave these samples out, or give them a class of their own",
    )


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
