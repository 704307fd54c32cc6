"""IDX files, the format of MNIST: read, written, and checked against a published checksum."""

import gzip
import hashlib
import math
import struct
from pathlib import Path

import numpy as np

from diffjax.errors import InputError
from diffjax.files import gunzip, read_regular

_BYTES = 8
"""The code of unsigned bytes in an IDX header."""

_MOST_DIMENSIONS = 8
MOST_BYTES = 2**30
"""Largest file that is read, and largest array that is unpacked."""


def read_idx(path: str | Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, compressed by gzip or not.

    The format: two zero bytes, the type (8), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the values.  The header is read first, and no more is unpacked
    than it tells.

    Args:
        path: of a regular file, perhaps through links.

    Raises:
        InputError: the file is missing, no regular file, truncated, too long, tells more than
            `MOST_BYTES`, or is no such file.

    Example:
        >>> write_idx("/tmp/a.idx.gz", np.zeros((3, 2), np.uint8))
        >>> read_idx("/tmp/a.idx.gz").shape
        (3, 2)
    """
    file = Path(path)
    raw = _raw(file)
    start = _unpacked(file, raw, 4 + 4 * 255)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _BYTES or start[3] == 0:
        raise _unusable(file, f"begins with {start[:4].hex(' ') or 'nothing'}")
    header = 4 + 4 * start[3]
    if len(start) < header:
        raise _unusable(file, f"ends after {len(start)} of {header} bytes of its header")
    if start[3] > _MOST_DIMENSIONS:
        raise _unusable(file, f"tells of {start[3]} dimensions, more than {_MOST_DIMENSIONS}")
    shape = struct.unpack(f">{start[3]}I", start[4:header])
    expected = header + math.prod(shape)
    if expected > MOST_BYTES:
        raise _unusable(file, f"tells of {expected} bytes, more than the {MOST_BYTES} allowed")
    content = _unpacked(file, raw, expected + 1)
    if len(content) != expected:
        held = f"{len(content)} bytes" if len(content) < expected else "more bytes"
        raise _unusable(file, f"holds {held} where its header of shape {shape} tells {expected}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def write_idx(path: str | Path, values: np.ndarray) -> None:
    """Write an array of unsigned bytes as an IDX file, compressed if the name ends in .gz."""
    header = bytes([0, 0, _BYTES, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    content = header + np.ascontiguousarray(values, np.uint8).tobytes()
    file = Path(path)
    file.write_bytes(gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)


def check_sum(path: str | Path, expected: str) -> None:
    """Raise InputError, with both sums, unless the file's md5 is the expected one."""
    file = Path(path)
    found = hashlib.md5(_raw(file), usedforsecurity=False).hexdigest()
    if found != expected:
        raise InputError(
            f"{file} has the md5 {found}",
            f"the official file has {expected}",
            "download the file again; for data of your own pass --no-check (check=False)",
        )


def _raw(file: Path) -> bytes:
    try:
        return read_regular(file, MOST_BYTES, follow_links=True)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(
            f"{file} does not exist",
            "a folder with the data files",
            "check the path, or leave the folder out to download them",
        ) from None
    except ValueError as error:
        raise _unusable(file, f"cannot be read: {error}") from None


def _unpacked(file: Path, raw: bytes, most: int) -> bytes:
    """At most the first `most` bytes of the content."""
    if raw[:2] != b"\x1f\x8b":
        return raw[:most]
    try:
        return gunzip(raw, most)
    except ValueError as error:
        raise _unusable(file, f"is damaged: {error}") from None


def _unusable(file: Path, why: str) -> InputError:
    return InputError(
        f"{file} {why}",
        "a complete IDX file of unsigned bytes",
        "copy or download the file again",
    )
