"""A run folder that changes while a sweep computes into it: an error, no orphans, nothing lost."""

import errno

import numpy as np
import pytest

from diffjax.sweep import open_run, sweep
from diffjax.sweep.segments import Segment
from tests.faults.folders import WAYS, _restore
from tests.faults.models import Rung, comb

OVER = {"height": [1.0, 2.0], "seed": range(6)}


class Kept:
    """As many points as are stored when the folder changes."""

    def stored(self):
        return 4


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_that_changes_is_an_error_at_the_next_batch(tmp_path, monkeypatch, way):
    folder, aside = tmp_path / "run", tmp_path / "aside"
    expected = sweep(comb, Rung(), OVER, devices=1)
    write, batches = Segment.write, []

    def change_after_the_first(segment, *arguments):
        write(segment, *arguments)
        batches.append(segment)
        if len(batches) == 1:
            WAYS[way](folder, aside)

    monkeypatch.setattr(Segment, "write", change_after_the_first)
    with pytest.raises(OSError, match="run the same command again") as caught:
        sweep(comb, Rung(), OVER, folder, batch_size=4, devices=1)
    assert caught.value.errno == errno.ESTALE and len(batches) == 1
    if way in ("removed", "renamed"):
        assert not folder.exists()
    if way == "emptied":
        assert list(folder.iterdir()) == []
    monkeypatch.undo()
    _restore(folder, aside, way, Kept())
    found = sweep(comb, Rung(), OVER, folder, batch_size=4, devices=1)
    np.testing.assert_array_equal(found["curve"], expected["curve"])


def test_a_chunk_that_is_taken_away_is_told_and_computed_again(tmp_path, monkeypatch):
    write, batches = Segment.write, []

    def remove_the_first(segment, *arguments):
        write(segment, *arguments)
        batches.append(segment)
        if len(batches) == 2:
            (segment._path / "energy" / "c" / "0").unlink()

    monkeypatch.setattr(Segment, "write", remove_the_first)
    run = tmp_path / "run"
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(OSError, match="4 of 12 points were computed but are not in"),
    ):
        sweep(comb, Rung(), OVER, run, batch_size=4, devices=1)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="damaged"):
        sweep(comb, Rung(), OVER, run, batch_size=4, devices=1)
    with pytest.warns(UserWarning, match="damaged"):
        assert (open_run(run)["status"] != -1).all()


def test_a_folder_behind_a_link_is_a_folder(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    found = sweep(comb, Rung(), OVER, tmp_path / "link" / "run", batch_size=4, devices=1)
    assert (found["status"] != -1).all()
