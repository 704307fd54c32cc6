"""Runs that were damaged, or whose disk gave up: named, never used, repaired by rerunning."""

import errno
import os

import pytest
import xarray as xr
import zarr

from diffjax.status import MISSING
from diffjax.sweep import DamagedStoreWarning, open_run, sweep
from tests.sweep.recording import Recorder
from tests.sweep.toy_models import oscillator, spectrum, spring

OVER = {"radius": [1.0, 1.5, 2.0], "stiffness": [1.0, 2.0, 3.0, 4.0], "seed": [1, 2]}


def run(path, over=OVER, **settings):
    progress = Recorder()
    ds = sweep(spectrum, spring(), over, path, batch_size=4, progress=progress, **settings)
    return ds, progress


def values(dataset):
    """A dataset without the attributes that tell when it was computed."""
    return dataset.drop_attrs()


@pytest.fixture(scope="module")
def in_memory():
    return values(run(None)[0])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "flipped bit": flip,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "empty": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("array", ["levels", "point_key"])
def test_damaged_chunks_are_named_never_used_and_computed_again(tmp_path, in_memory, damage, array):
    run(tmp_path / "run")
    chunk = tmp_path / "run/segments/0001.zarr" / array / "c/1"
    DAMAGES[damage](next(path for path in chunk.rglob("*") if path.is_file()))
    with pytest.warns(DamagedStoreWarning, match=f"{array}/c/1"):
        partial = open_run(tmp_path / "run")
    assert int((partial["status"] == MISSING).sum()) == 4
    with pytest.warns(DamagedStoreWarning):
        again, progress = run(tmp_path / "run")
    assert sum(progress.batches) == 4
    xr.testing.assert_identical(values(again), in_memory)


@pytest.mark.parametrize("file", ["zarr.json", "levels/zarr.json", "status/c/1"])
def test_damaged_metadata_and_status_are_named(tmp_path, in_memory, file):
    run(tmp_path / "run")
    (tmp_path / "run/segments/0001.zarr" / file).write_bytes(b"\x00\x01")
    with pytest.warns(DamagedStoreWarning, match="0001.zarr"):
        again, progress = run(tmp_path / "run")
    assert sum(progress.batches) in (4, 24)
    xr.testing.assert_identical(values(again), in_memory)


def test_a_full_disk_keeps_finished_batches(tmp_path, monkeypatch, in_memory):
    write, count = zarr.Array.__setitem__, iter(range(1000))

    def failing(self, selection, value):
        if next(count) == 6:  # in the middle of the second batch
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(self, selection, value)

    monkeypatch.setattr(zarr.Array, "__setitem__", failing)
    with pytest.raises(OSError, match="finished batches are kept") as caught:
        run(tmp_path / "run")
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert int((open_run(tmp_path / "run")["status"] != MISSING).sum()) == 4
    ds, progress = run(tmp_path / "run")
    assert progress.done == 4
    xr.testing.assert_identical(values(ds), in_memory)


def test_a_folder_that_cannot_be_made_is_an_error_before_anything_is_computed(tmp_path):
    (tmp_path / "file").write_text("")
    progress = Recorder()
    with pytest.raises(OSError, match="choose a folder that can be written"):
        sweep(oscillator, spring(), {}, tmp_path / "file" / "run", progress=progress)
    assert progress.total == -1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "run").mkdir(mode=0o500)
    with pytest.raises(OSError, match="choose a folder that can be written"):
        run(tmp_path / "run")
