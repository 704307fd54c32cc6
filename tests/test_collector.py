"""The garbage collector is left as it was found."""

import gc
import weakref

import pytest

from diffjax.collector import spared_collector


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self):
        self.itself = self


def test_new_garbage_is_collected_inside_and_old_garbage_after():
    old = Ring()
    gone_old = weakref.ref(old)
    with spared_collector():
        del old
        new = Ring()
        gone_new = weakref.ref(new)
        del new
        gc.collect()
        assert gone_new() is None and gone_old() is not None
    gc.collect()
    assert gone_old() is None


def test_nothing_stays_frozen_after_an_error_or_a_nested_use():
    with pytest.raises(KeyError), spared_collector(), spared_collector():
        assert gc.get_freeze_count() > 0
        raise KeyError
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_froze_stays_frozen():
    gc.freeze()
    try:
        with spared_collector():
            pass
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
