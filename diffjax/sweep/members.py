"""The distinct pieces of work, the members of the shared stages, over all points of a group."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import jax
import numpy as np

from diffjax.errors import InputError
from diffjax.sweep.identity import digest

_CHUNK_BYTES = 2**26
_CHUNK_POINTS = 4096
_KEPT_SPLITTERS = 32


@dataclass(frozen=True)
class Members:
    """The members of one stage over all points of a group.

    Attributes:
        inputs: pytree of arrays (distinct, ...), what `SharedStage.compute` takes.
        index: which of them each point needs, shape (point, member).
        parents: (distinct,) the member of another stage whose result each one needs, or None.
    """

    inputs: Any
    index: np.ndarray
    parents: np.ndarray | None = None

    @property
    def distinct(self) -> int:
        """How many have to be computed."""
        return len(jax.tree.leaves(self.inputs)[0])


def find_members(
    split: Callable[..., Mapping[str, Any]],
    fixed: Any,
    varying: Sequence[np.ndarray],
    count: int,
    needs: Mapping[str, str | None] = MappingProxyType({}),
) -> dict[str, Members]:
    """Split the work of all points and find which members are equal to the last bit.

    The loop over points is a `lax.map`, so that a member has the same bits whichever other points
    are computed with it; it runs in pieces so that only distinct members are kept.

    Args:
        split: from one point's fixed and varying leaves to the inputs of every stage by name
            (leading axis: member).
        fixed: leaves that all points share.
        varying: the other leaves, each (point, ...).
        count: number of points.
        needs: name of a stage to that of the earlier one it needs, if any.

    Returns:
        The members of every stage.
    """
    one = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in varying]
    shapes = jax.eval_shape(split, fixed, one)
    most = min(_CHUNK_POINTS, _CHUNK_BYTES // max(tree_bytes(shapes), 1))
    size = max(2, min(2 ** (count - 1).bit_length(), most))  # few sizes: few programs
    run = _splitter(split, size)
    found: dict[str, _Distinct] = {}
    for name in shapes:
        parent = needs.get(name)
        if parent is not None:
            _check_single(name, parent, shapes[parent])
        found[name] = _Distinct(None if parent is None else found[parent])
    for start in range(0, count, size):
        pieces = [padded(x[start : start + size], size) for x in varying]
        for name, inputs in run(fixed, pieces).items():
            found[name].collect(jax.tree.map(np.asarray, inputs), min(size, count - start))
    return {name: distinct.members(count) for name, distinct in found.items()}


def _check_single(name: str, parent: str, shapes: Any) -> None:
    members = jax.tree.leaves(shapes)[0].shape[0]
    if members != 1:
        raise InputError(
            f"stage {name!r} needs {parent!r}, which has {members} members per point",
            "a stage that others need has one",
            "mend its `split`",
        )


class _Distinct:
    """Members seen so far: the inputs of new ones, and the number of every one.

    Args:
        parents: the members of the stage that this one needs, one per point.
    """

    def __init__(self, parents: "_Distinct | None" = None):
        self._parents = parents
        self._parent_numbers: list[int] = []
        self._numbers: dict[bytes, int] = {}
        self._kept: list[Any] = []
        self._index: list[int] = []

    def collect(self, inputs: Any, count: int) -> None:
        """Number the members of the first `count` points, and keep the inputs of new ones."""
        leaves = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(inputs)]
        for point in range(count):
            parent = None if self._parents is None else self._parents.latest(count - point)
            for member in range(leaves[0].shape[1]):
                bits = b"".join(leaf[point, member].tobytes() for leaf in leaves)
                key = digest(bits if parent is None else bits + parent.to_bytes(8, "little"))
                if key not in self._numbers:
                    self._numbers[key] = len(self._numbers)
                    at = (point, member)
                    self._kept.append(jax.tree.map(lambda x, at=at: x[at].copy(), inputs))
                    if parent is not None:
                        self._parent_numbers.append(parent)
                self._index.append(self._numbers[key])

    def latest(self, from_last: int) -> int:
        """The only member of a point, counted from the last one that was collected."""
        return self._index[-from_last]

    def members(self, count: int) -> Members:
        """Those of all points."""
        stacked = jax.tree.map(lambda *rows: np.stack(rows), *self._kept)
        parents = None if self._parents is None else np.array(self._parent_numbers, int)
        return Members(stacked, np.array(self._index).reshape(count, -1), parents)


@functools.lru_cache(maxsize=_KEPT_SPLITTERS)
def _splitter(split: Callable[..., Any], size: int) -> Callable[..., Any]:
    """The jitted function of `size` points; equal ones are one, so that it compiles once."""
    return jax.jit(lambda same, xs: _map(lambda x: split(same, x), xs, size))


def tree_bytes(tree: Any) -> int:
    """Memory of all arrays (or shapes) of a pytree."""
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(tree))


def _map(function: Callable[[Any], Any], rows: Any, length: int) -> Any:
    """`lax.map` that also works when there are no arrays to map over."""
    return jax.lax.scan(lambda _, x: ((), function(x)), (), rows, length=length)[1]


def padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Rows filled up to a number of them with the last one."""
    return np.concatenate([rows, rows[-1:].repeat(size - len(rows), axis=0)])
