"""IDX files, the format of MNIST: read, written, and checked against a published checksum."""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np

from diffjax.errors import InputError

_BYTES = 8
"""The code of unsigned bytes in an IDX header."""


def read_idx(path: str | Path) -> np.ndarray:
    """The array of unsigned bytes in an IDX file, compressed by gzip or not.

    The format: two zero bytes, the type (8), the number of dimensions, each dimension as a
    big-endian 32-bit integer, then the values.

    Args:
        path: of the file.

    Raises:
        InputError: the file is missing, truncated, too long, or no such file.

    Example:
        >>> write_idx("/tmp/a.idx.gz", np.zeros((3, 2), np.uint8))
        >>> read_idx("/tmp/a.idx.gz").shape
        (3, 2)
    """
    file = Path(path)
    content = _content(file)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _BYTES or content[3] == 0:
        raise _unusable(file, f"begins with {content[:4].hex(' ') or 'nothing'}")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise _unusable(file, f"ends after {len(content)} of {header} bytes of its header")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise _unusable(
            file, f"holds {len(content)} bytes where its header of shape {shape} tells {expected}"
        )
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
        return file.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{file} does not exist",
            "a folder with the data files",
            "check the path, or leave the folder out to download them",
        ) from None


def _content(file: Path) -> bytes:
    raw = _raw(file)
    if raw[:2] != b"\x1f\x8b":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, OSError) as error:
        raise _unusable(file, f"cannot be decompressed: {error}") from error


def _unusable(file: Path, why: str) -> InputError:
    return InputError(
        f"{file} {why}",
        "a complete IDX file of unsigned bytes",
        "copy or download the file again",
    )
