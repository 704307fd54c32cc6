"""Files that may come from somebody else, read as data; files of our own, written whole.

What is read here is a regular file of bounded size. It opens no pipe and no device, follows no link
unless told to, unpacks to no more than is allowed, and nothing in it is ever executed.
"""

import errno
import io
import json
import math
import os
import stat
import tokenize
import uuid
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

JSON_BYTES = 64 * 2**20
"""Largest JSON file of a run that is read."""

_PIECE = 2**20
_KINDS = "biufU"
"""Types of arrays in an archive: numbers, truth values and texts; never objects."""


def read_regular(path: Path, most: int = JSON_BYTES, *, follow_links: bool = False) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Args:
        path: of the file.
        most: bytes.
        follow_links: whether the path may be a link, as a user's own data may.

    Raises:
        OSError: it is absent or cannot be read.
        ValueError: it is a link, a pipe, a folder or a device, or larger.
    """
    if path.is_symlink() and not follow_links:
        raise ValueError("this is no regular file")
    # a pipe without a writer would block until there is one
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("this is no regular file")
        if found.st_size > most:
            raise ValueError(f"it has {found.st_size} bytes, more than {most}")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(found.st_size)
    finally:
        os.close(handle)


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: it is absent or cannot be read.
        ValueError: it is none, nested too deeply, too large, or no regular file.
    """
    return parse_json(read_regular(path))


def parse_json(content: bytes) -> Any:
    """The value of a JSON text; ValueError if it is none or nested too deeply."""
    try:
        return json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None


def read_arrays(path: Path, most: int, *, follow_links: bool = False) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file of numbers, truth values or texts.

    Args:
        path: of the file.
        most: bytes that all arrays together may have.
        follow_links: as for `read_regular`.

    Raises:
        OSError: it is absent or cannot be read.
        ValueError: it is no archive of such arrays, damaged, or larger.
    """
    content = read_regular(path, most + 2**20, follow_links=follow_links)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if total > most:
                raise ValueError(f"it claims to unpack to {total} bytes, more than {most}")
            return dict(_read_member(archive, member) for member in members)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, KeyError) as e:
        raise ValueError(f"it is no archive of arrays: {e}") from None
    except RuntimeError as error:  # such as an encrypted member
        raise ValueError(f"it is no archive of arrays: {error}") from None


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, np.ndarray]:
    name = member.filename
    if not name.endswith(".npy"):
        raise ValueError(f"it holds {name!r:.60}, which is no array")
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran, dtype = read(file)
        except (KeyError, SyntaxError, TypeError, tokenize.TokenError) as error:
            raise ValueError(f"{name!r:.60} has no header of an array ({error})") from None
        if dtype.kind not in _KINDS or dtype.hasobject:
            raise ValueError(f"{name!r:.60} holds {dtype}, and only numbers and texts are read")
        size = math.prod(shape) * dtype.itemsize
        if size > member.file_size:
            raise ValueError(f"{name!r:.60} claims {size} bytes and has {member.file_size}")
        values = np.frombuffer(bytearray(file.read(size)), dtype, count=math.prod(shape))
        return name[:-4], values.reshape(shape, order="F" if fortran else "C")


def gunzip(content: bytes, most: int) -> bytes:
    """What a gzip stream unpacks to, or its first `most` bytes where it is longer.

    Raises:
        ValueError: it is damaged or cut short.
    """
    found, rest = bytearray(), content
    while rest and len(found) < most:
        unpack = zlib.decompressobj(wbits=31)
        try:
            while rest and not unpack.eof and len(found) < most:
                found += unpack.decompress(rest, min(_PIECE, most - len(found)))
                rest = unpack.unconsumed_tail
        except zlib.error as error:
            raise ValueError(f"it cannot be decompressed: {error}") from None
        if not unpack.eof and not rest and len(found) < most:
            raise ValueError("it is cut short")
        rest = unpack.unused_data.lstrip(b"\0")
    return bytes(found)


def replace_whole(path: Path, content: bytes) -> None:
    """Write a file durably under another name, then give it its own: nobody sees half of it."""
    unfinished = path.with_name(f".unfinished-{uuid.uuid4().hex}-{path.name}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def folder_identity(path: Path, *, follow_links: bool = False) -> tuple[int, int] | None:
    """What tells a folder from another one of the same name; None if there is none.

    Args:
        path: of the folder.
        follow_links: whether a link to a folder counts as one.
    """
    try:
        found = path.stat() if follow_links else path.lstat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def lost_run(folder: Path, what: str) -> OSError:
    """The error of a run that changed while it was computed into."""
    return OSError(
        errno.ESTALE,
        f"the run folder {what} while it was computed into; put it back, or run the same command "
        "again",
        str(folder),
    )


def packed_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The content of an ``.npz`` file.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.npz"
        >>> replace_whole(file, packed_arrays({"x": np.arange(3)}))
        >>> read_arrays(file, most=2**20)["x"].tolist()
        [0, 1, 2]
    """
    made = io.BytesIO()
    np.savez(made, **{name: np.asarray(value) for name, value in arrays.items()})  # pyright: ignore
    return made.getvalue()
