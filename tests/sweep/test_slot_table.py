"""Slots of shared results when nobody knows the next batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffjax.sweep.sharing import SlotTable

batches_of_members = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4), min_size=1, max_size=8
)


def needs_of(batch):
    """Keys of the members of a batch, in an order of its own, and the numbers of each point."""
    members, numbers = np.unique(np.array(batch, int).reshape(-1, 2), return_inverse=True)
    return [bytes([m]) for m in members.tolist()], numbers.reshape(-1, 2)


@settings(max_examples=200, deadline=None)
@given(batches_of_members, st.integers(0, 6))
def test_every_lookup_finds_its_member(batches, spare):
    most = max(len(needs_of(batch)[0]) for batch in batches)
    places, held = SlotTable(most + spare), np.full(most + spare, -1)
    for batch in batches:
        keys, need = needs_of(batch)
        members = np.array([key[0] for key in keys], int)
        placed = places.place(keys, need)
        assert len(set(placed.new_slots.tolist())) == len(placed.new)
        assert not np.isin(members[placed.new], held).any()  # what lies there is not made again
        held[placed.new_slots] = members[placed.new]
        np.testing.assert_array_equal(held[placed.lookup], members[need])


@settings(max_examples=50, deadline=None)
@given(batches_of_members)
def test_with_enough_places_every_member_is_computed_once(batches):
    places, new = SlotTable(10), []
    for batch in batches:
        keys, need = needs_of(batch)
        new += [keys[m][0] for m in places.place(keys, need).new]
    assert sorted(new) == sorted({member for batch in batches for pair in batch for member in pair})


def test_the_one_that_was_unused_for_longest_makes_room():
    places = SlotTable(2)
    new = [len(places.place([key], np.array([[0]])).new) for key in (b"a", b"b", b"a", b"c", b"a")]
    assert new == [1, 1, 0, 1, 0]


def test_a_batch_that_needs_more_than_there_is_says_so_and_loses_nothing():
    places = SlotTable(2)
    places.place([b"a", b"b"], np.array([[0, 1]]))
    with pytest.raises(MemoryError, match="3 shared results"):
        places.place([b"a", b"b", b"c"], np.array([[0, 1, 2]]))
    assert len(places.place([b"b", b"a"], np.array([[0, 1]])).new) == 0
