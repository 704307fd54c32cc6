"""An order of the points that keeps those with the same members together, and places on a device
where results stay until no later batch needs them."""

import bisect
from collections.abc import Mapping, Sequence
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
    return Placement(np.array(new, int), slots, lookup, need, places)


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
