"""Which pieces of work points share: distinct members of a stage, an order that keeps equal ones
together, and places on a device where results stay until no later batch needs them."""

import bisect
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from diffjax.sweep.identity import digest

_CHUNK_BYTES = 2**26
_CHUNK_POINTS = 4096
_CANDIDATES = 6
_KEPT_SPLITTERS = 32


@dataclass(frozen=True)
class Members:
    """The members of one stage over all points of a group.

    Attributes:
        inputs: pytree of arrays (distinct, ...), what `SharedStage.compute` takes.
        index: which of them each point needs, shape (point, member).
    """

    inputs: Any
    index: np.ndarray

    @property
    def distinct(self) -> int:
        """How many have to be computed."""
        return len(jax.tree.leaves(self.inputs)[0])


def find_members(
    split: Callable[..., Any], fixed: Any, varying: Sequence[np.ndarray], count: int
) -> Members:
    """Split the work of all points and find which members are equal to the last bit.

    The loop over points is a `lax.map`, so that a member has the same bits whichever other points
    are computed with it; it runs in pieces so that only distinct members are kept.

    Args:
        split: from one point's fixed and varying leaves to the inputs (leading axis: member).
        fixed: leaves that all points share.
        varying: the other leaves, each (point, ...).
        count: number of points.
    """
    one = [jax.ShapeDtypeStruct(x.shape[1:], x.dtype) for x in varying]
    per_point = tree_bytes(jax.eval_shape(split, fixed, one))
    most = min(_CHUNK_POINTS, _CHUNK_BYTES // max(per_point, 1))
    size = max(2, min(2 ** (count - 1).bit_length(), most))  # few sizes: few programs
    run = _splitter(split, size)
    numbers: dict[bytes, int] = {}
    kept, index = [], []
    for start in range(0, count, size):
        pieces = [_padded(x[start : start + size], size) for x in varying]
        inputs = jax.tree.map(np.asarray, run(fixed, pieces))
        _collect(inputs, min(size, count - start), numbers, kept, index)
    stacked = jax.tree.map(lambda *rows: np.stack(rows), *kept)
    return Members(stacked, np.array(index).reshape(count, -1))


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


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([rows, rows[-1:].repeat(size - len(rows), axis=0)])


def _collect(inputs: Any, count: int, numbers: dict, kept: list, index: list) -> None:
    """Number the members of the first `count` points, and keep the inputs of new ones."""
    leaves = [np.ascontiguousarray(leaf) for leaf in jax.tree.leaves(inputs)]
    for point in range(count):
        for member in range(leaves[0].shape[1]):
            key = digest(b"".join(leaf[point, member].tobytes() for leaf in leaves))
            if key not in numbers:
                numbers[key] = len(numbers)
                kept.append(jax.tree.map(lambda x, i=(point, member): x[i].copy(), inputs))
            index.append(numbers[key])


def sharing_order(indices: Sequence[np.ndarray], parts: int) -> np.ndarray:
    """An order of the points in which those that share members are neighbours.

    Of a few lexicographic orders it takes the one that needs the fewest members in total when
    the points are cut into `parts` runs of equal length, one per device.

    Args:
        indices: of each stage, the members that each point needs, (point, member).
        parts: number of runs.
    """
    count = len(indices[0])
    columns = np.unique(np.concatenate(indices, axis=1), axis=1).T
    ascending = sorted(range(len(columns)), key=lambda c: len(np.unique(columns[c])))
    candidates = [np.arange(count)]
    for first in ascending[:_CANDIDATES]:
        keys = [first, *(c for c in ascending if c != first)]
        candidates.append(np.lexsort([columns[c] for c in reversed(keys)]))
    return min(candidates, key=lambda order: _members_needed(indices, order, parts))


def _members_needed(indices: Sequence[np.ndarray], order: np.ndarray, parts: int) -> int:
    part = np.arange(len(order)) * parts // len(order)
    total = 0
    for index in indices:
        labels = part[:, None] * (int(index.max()) + 1) + index[order]
        total += len(np.unique(labels))
    return total


@dataclass(frozen=True)
class Placement:
    """Where the results of one stage lie on one device during one batch.

    Attributes:
        new: numbers of the members to be computed, in order.
        new_slots: the places that their results go to.
        lookup: place of each member of each point, (point, member).
    """

    new: np.ndarray
    new_slots: np.ndarray
    lookup: np.ndarray


def place_members(batches: Sequence[np.ndarray], slots: int) -> list[Placement]:
    """Assign places to the members that a device needs batch by batch.

    A result stays in its place until the place is needed; then the one goes whose next use is
    farthest away, which is the optimal choice as all batches are known.

    Args:
        batches: the members that each batch needs, (point, member) each.
        slots: number of places; at least the distinct members of any one batch.
    """
    needs = [np.unique(batch) for batch in batches]
    uses = _uses(needs)
    held: dict[int, int] = {}
    free = list(range(slots))[::-1]
    placements = []
    for number, (need, batch) in enumerate(zip(needs, batches, strict=True)):
        new = [member for member in need.tolist() if member not in held]
        _make_room(held, free, len(new), number, uses, set(need.tolist()))
        held.update({member: free.pop() for member in new})
        placements.append(_placement(new, need, batch, held))
    return placements


def _placement(new: list[int], need: np.ndarray, batch: np.ndarray, held: Mapping[int, int]):
    places = np.array([held[member] for member in need.tolist()], np.int32)
    lookup = places[np.searchsorted(need, batch)] if len(need) else batch.astype(np.int32)
    slots = np.array([held[member] for member in new], np.int32)
    return Placement(np.array(new, int), slots, lookup)


def _uses(needs: Sequence[np.ndarray]) -> dict[int, list[int]]:
    """For each member the batches that need it, ascending."""
    uses: dict[int, list[int]] = {}
    for number, need in enumerate(needs):
        for member in need.tolist():
            uses.setdefault(member, []).append(number)
    return uses


def _make_room(held, free, wanted, number, uses, needed) -> None:
    """Free places until `wanted` are free, those that are used again last first."""
    if wanted <= len(free):
        return
    never = len(uses) + number + 10**9

    def next_use(member: int) -> int:
        later = bisect.bisect_right(uses[member], number)
        return uses[member][later] if later < len(uses[member]) else never

    idle = sorted((m for m in held if m not in needed), key=next_use)
    while len(free) < wanted:
        free.append(held.pop(idle.pop()))
