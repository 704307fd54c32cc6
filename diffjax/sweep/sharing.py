"""An order of the points that keeps those with the same members together, and places on a device
where results stay until no later batch needs them."""

import bisect
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

_CANDIDATES = 6


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
        members: numbers of all members that the batch needs, ascending.
        slots: their places.
    """

    new: np.ndarray
    new_slots: np.ndarray
    lookup: np.ndarray
    members: np.ndarray
    slots: np.ndarray

    def slots_of(self, members: np.ndarray) -> np.ndarray:
        """Places of some of the members."""
        return self.slots[np.searchsorted(self.members, members)]


class SlotTable:
    """Which shared results one device holds, and in which slot.

    A result stays until its slot is needed and no point of the batch needs the result.

    Args:
        count: number of slots.
        next_use: how far away the next use of a result is; the farthest one goes first. None,
            where nobody knows: the one that was unused for longest.

    Example:
        >>> table = SlotTable(2)
        >>> table.place([b"a", b"b"], np.array([[0], [1]])).new.tolist()
        [0, 1]
        >>> table.place([b"b", b"c"], np.array([[0], [1]])).new.tolist()   # b is there
        [1]
    """

    def __init__(self, count: int, next_use: Callable[[Hashable], int] | None = None):
        self._free = list(range(count))[::-1]
        self._next_use = next_use
        self._held: dict[Hashable, int] = {}
        """Slots by identity of the result; what was used last is last."""

    def place(self, keys: Sequence[Hashable], need: np.ndarray) -> Placement:
        """Slots for the members of a batch.

        Args:
            keys: identity of each member.
            need: numbers of the members of each point, (point, member).

        Raises:
            MemoryError: there are fewer slots than the batch needs.
        """
        members = np.unique(need)
        wanted = [keys[member] for member in members.tolist()]
        if len(wanted) > len(self._free) + len(self._held):
            raise MemoryError(f"{len(wanted)} shared results at a time")
        kept = {key: self._held.pop(key) for key in wanted if key in self._held}
        new = np.array([m for m, key in zip(members, wanted, strict=True) if key not in kept], int)
        self._make_room(len(new))
        kept.update({keys[member]: self._free.pop() for member in new.tolist()})
        self._held.update(kept)
        slots = np.array([kept[key] for key in wanted], np.int32)
        new_slots = np.array([kept[keys[member]] for member in new.tolist()], np.int32)
        lookup = slots[np.searchsorted(members, need)] if len(members) else need.astype(np.int32)
        return Placement(new, new_slots, lookup, members, slots)

    def _make_room(self, wanted: int) -> None:
        """Free slots until `wanted` are free; what the batch needs is not among the held."""
        idle = list(self._held)
        if self._next_use is not None:
            idle.sort(key=self._next_use, reverse=True)
        for key in idle[: max(0, wanted - len(self._free))]:
            self._free.append(self._held.pop(key))


def place_members(batches: Sequence[np.ndarray], slots: int) -> list[Placement]:
    """Slots for the members that a device needs batch by batch.

    All batches are known, and the result goes whose next use is farthest away: the optimal choice.

    Args:
        batches: the members that each batch needs, (point, member) each.
        slots: number of slots; at least the distinct members of any one batch.
    """
    uses = _uses([np.unique(batch) for batch in batches])
    current, never = 0, len(batches)

    def next_use(member: Hashable) -> int:
        later = bisect.bisect_right(uses[member], current)
        return uses[member][later] if later < len(uses[member]) else never

    table = SlotTable(slots, next_use)
    placements = []
    for current, batch in enumerate(batches):  # noqa: B007  (next_use reads it)
        keys = range(int(batch.max()) + 1 if batch.size else 0)
        placements.append(table.place(keys, batch))
    return placements


def _uses(needs: Sequence[np.ndarray]) -> dict[Hashable, list[int]]:
    """For each member the batches that need it, ascending."""
    uses: dict[Hashable, list[int]] = {}
    for number, need in enumerate(needs):
        for member in need.tolist():
            uses.setdefault(member, []).append(number)
    return uses
