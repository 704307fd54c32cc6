"""Weights and training states on disk, by orbax; what has its final name is complete.

A state is written under another name and renamed when it is whole, so a process that is killed at
any moment leaves the last complete one in place.
"""

import errno
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.files import folder_identity

_NAME = re.compile(r"\d{9}")
_UNFINISHED = ".unfinished-"
_MOST_BYTES = 2**34
_ROOM = 2.0
"""Free space wanted before a checkpoint is begun, in units of its arrays."""


class Checkpoints:
    """Pytrees of arrays by training step in one folder.

    Args:
        folder: made if need be.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def steps(self) -> list[int]:
        """Steps of complete checkpoints, ascending."""
        if not self.folder.is_dir():
            return []
        if self.folder.is_symlink():  # it would lead out of the run
            return []
        found = (p for p in self.folder.iterdir() if _NAME.fullmatch(p.name))
        return sorted(int(p.name) for p in found if folder_identity(p) is not None)

    def save(self, step: int, tree: Any) -> None:
        """Write a checkpoint; one that is there already is kept.

        Raises:
            OSError: there is no room, or the folder cannot be written; nothing is left behind.
        """
        path = self.folder / f"{step:09d}"
        if path.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        leaves = _named_leaves(tree)
        _require_room(self.folder, sum(leaf.nbytes for leaf in leaves.values()))
        unfinished = self.folder / f"{_UNFINISHED}{path.name}"
        _remove(unfinished)
        try:
            _write(unfinished, leaves)
            unfinished.rename(path)
        except Exception as error:
            _remove(unfinished)
            raise _as_os_error(error, path) from error
        _sync(self.folder)

    def load(self, step: int, like: Any) -> Any:
        """A checkpoint as a tree like another one, with NumPy leaves.

        Raises:
            InputError: there is no such checkpoint, or it has other arrays.
        """
        if step not in self.steps():
            raise InputError(
                f"{self.folder} has no step {step}",
                f"it has {', '.join(map(str, self.steps())) or 'none'}",
                "choose one of these",
            )
        path = self.folder / f"{step:09d}"
        try:
            _require_plain(path)
            found = _read(path, like, self.folder)
        except InputError:
            raise
        except Exception as error:  # storage libraries raise many types for broken files
            raise InputError(
                f"{path} cannot be used ({type(error).__name__}: {error!s:.200})",
                "a checkpoint as diffjax wrote it, without links",
                "get the folder again from where it came from, or choose another step",
            ) from error
        return _like(found, like, self.folder)

    def remove(self, steps: list[int]) -> None:
        """Delete checkpoints and whatever was not finished."""
        for step in steps:
            _remove(self.folder / f"{step:09d}")
        if self.folder.is_dir():
            for path in self.folder.glob(f"{_UNFINISHED}*"):
                _remove(path)


def _write(path: Path, leaves: dict[str, np.ndarray]) -> None:
    import orbax.checkpoint as ocp

    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as writer:
        writer.save(path.absolute(), leaves)


def _read(path: Path, like: Any, folder: Path) -> dict[str, np.ndarray]:
    import orbax.checkpoint as ocp

    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        described = reader.metadata(path.absolute()).item_metadata.tree
        _like(described, like, folder)  # shapes that were not asked for are not unpacked
        plain = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in described}
        return reader.restore(path.absolute(), ocp.args.PyTreeRestore(restore_args=plain))


def _named_leaves(tree: Any) -> dict[str, np.ndarray]:
    found = jax.tree_util.tree_flatten_with_path(jax.device_get(tree))[0]
    return {_name(path): np.asarray(leaf) for path, leaf in found}


def _name(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _like(leaves: dict[str, np.ndarray], tree: Any, folder: Path) -> Any:
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    for path, leaf in paths:
        held = leaves.get(_name(path))
        if held is None or held.shape != leaf.shape or held.dtype != leaf.dtype:
            raise InputError(
                f"{folder}: {_name(path)} is {None if held is None else held.shape}",
                f"an array of shape {leaf.shape} and type {leaf.dtype}",
                "the checkpoint belongs to another network",
            )
    return jax.tree.unflatten(structure, [leaves[_name(path)] for path, _ in paths])


def _require_plain(path: Path) -> None:
    """Raise ValueError if anything in a checkpoint is a link, a pipe or a device, or too large."""
    left = _MOST_BYTES
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            found = (Path(parent) / name).lstat()
            if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
                raise ValueError(f"{Path(parent, name).relative_to(path)} is no regular file")
            left -= found.st_size
    if left < 0:
        raise ValueError(f"it has more than {_MOST_BYTES} bytes")


def _require_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < _ROOM * size + 1e6:
        raise OSError(
            errno.ENOSPC, f"No space for a checkpoint of {size / 1e6:.1f} MB", str(folder)
        )


def _as_os_error(error: Exception, path: Path) -> Exception:
    """Storage libraries wrap a full disk in errors of their own."""
    if isinstance(error, OSError):
        return error
    text = str(error).lower()
    if "no space left" in text or "resource_exhausted" in text or "enospc" in text:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return error


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
