"""Places for shared results: nothing is looked up where it does not lie, nothing computed twice."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from diffjax.sweep.members import find_members
from diffjax.sweep.sharing import place_members, sharing_order

batches_of_members = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=4), min_size=1, max_size=8
)


def as_arrays(batches):
    return [np.array(batch, int).reshape(-1, 2) for batch in batches]


@settings(max_examples=200, deadline=None)
@given(batches_of_members, st.integers(0, 6))
def test_every_lookup_finds_its_member(drawn, spare):
    batches = as_arrays(drawn)
    slots = max(1, max(len(np.unique(batch)) for batch in batches)) + spare
    held = np.full(slots, -1)
    for batch, placed in zip(batches, place_members(batches, slots), strict=True):
        assert len(set(placed.new_slots.tolist())) == len(placed.new)
        assert not np.isin(placed.new, held).any()  # what lies there is not computed again
        held[placed.new_slots] = placed.new
        np.testing.assert_array_equal(held[placed.lookup], batch)


@settings(max_examples=50, deadline=None)
@given(batches_of_members)
def test_with_enough_places_every_member_is_computed_once(drawn):
    batches = as_arrays(drawn)
    new = np.concatenate([placed.new for placed in place_members(batches, 10)])
    assert sorted(new.tolist()) == np.unique(np.concatenate(batches)).tolist()


def test_the_member_needed_last_makes_room():
    batches = [np.array([[m]]) for m in (0, 1, 2, 0, 1)]
    new = [placed.new.tolist() for placed in place_members(batches, 2)]
    assert new == [[0], [1], [2], [], [1]]


def test_the_order_keeps_points_with_the_same_members_on_one_device():
    heavy = np.tile(np.arange(2), 6)[:, None]  # alternates in the order of the grid
    order = sharing_order([heavy], parts=2)
    assert sorted(order.tolist()) == list(range(12))
    first, second = heavy[order[:6]], heavy[order[6:]]
    assert len(np.unique(first)) == len(np.unique(second)) == 1


def test_members_are_equal_only_to_the_last_bit():
    values = np.array([1.0, 1.0 + 2**-52, 1.0, -0.0, 0.0])
    found = find_members(lambda fixed, x: {"one": {"x": x[0][None] * fixed}}, 1.0, [values], 5)
    members = found["one"]
    assert members.index.ravel().tolist() == [0, 1, 0, 2, 3]
    np.testing.assert_array_equal(members.inputs["x"], values[[0, 1, 3, 4]])


def test_members_that_need_different_results_are_different():
    seeds, widths = np.array([3, 3, 4, 4, 3]), np.array([1.0, 2.0, 1.0, 2.0, 2.0])

    def split(fixed, x):
        del fixed
        return {"draws": x[0][None], "work": jnp.stack([x[1], jnp.ones(())])}

    alone = find_members(split, (), [seeds, widths], 5)
    assert alone["work"].distinct == 2 and alone["work"].parents is None
    found = find_members(split, (), [seeds, widths], 5, {"draws": None, "work": "draws"})
    assert found["draws"].index.ravel().tolist() == [0, 0, 1, 1, 0]
    work = found["work"]
    assert work.index.tolist() == [[0, 0], [1, 0], [2, 2], [3, 2], [1, 0]]
    assert work.parents.tolist() == [0, 0, 1, 1]


def test_members_do_not_depend_on_which_other_points_there_are():
    values = np.linspace(0.1, 3.0, 1001)

    def split(fixed, x):
        del fixed
        return {"one": jnp.exp(jnp.sin(x[0]))[None]}

    everything = find_members(split, (), [values], 1001)["one"].inputs
    for part in (slice(0, 1), slice(3, 5), slice(500, 1001)):
        few = find_members(split, (), [values[part]], len(values[part]))["one"].inputs
        np.testing.assert_array_equal(few, everything[part])


def test_a_second_search_for_members_compiles_nothing():
    traced = []

    def split(fixed, x):
        traced.append(len(x))
        return {"one": x[0][None] * fixed}

    find_members(split, 2.0, [np.arange(5.0)], 5)
    first = len(traced)
    for count in (8, 7, 6):
        found = find_members(split, 3.0, [np.arange(float(count))], count)
        assert found["one"].distinct == count
    assert len(traced) == first > 0
