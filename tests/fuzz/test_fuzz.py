"""A few hundred malformed and extreme inputs; thousands with  python -m tests.fuzz."""

import json

import pytest

from diffjax.sweep import DamagedStoreWarning, open_run
from diffjax.sweep.store import RunFolder
from tests.fuzz import folders
from tests.fuzz.kinds import KINDS, run


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_no_input_ends_in_a_traceback_or_a_hang(name):
    outcome = run(name, cases=40, chance=3)
    assert outcome.cases >= 40
    assert outcome.faults == {}
    assert outcome.hangs == 0
    assert outcome.answered and outcome.refused


@pytest.fixture
def finished(tmp_path):
    """A run folder to spoil, without the copy of its record."""
    import shutil

    folders.prepare()
    shutil.copytree(folders._original(), tmp_path / "run")
    (tmp_path / "run" / "run.json.copy").unlink()
    yield tmp_path / "run"
    folders.forget()


def test_absurd_sizes_are_refused_before_memory_is_asked_for(finished):
    file = finished / "segments" / "0001.zarr" / "height" / "zarr.json"
    described = json.loads(file.read_text())
    described["shape"] = [2**60, 2**60]
    described["chunk_grid"]["configuration"]["chunk_shape"] = [1, 2**60]
    file.write_text(json.dumps(described))
    folders._sign(finished)
    with pytest.warns(DamagedStoreWarning, match=r"not that of a segment|do not hold"):
        assert (open_run(finished)["status"] == -1).all()


def test_a_linked_folder_of_segments_is_refused(finished, tmp_path):
    (finished / "segments").rename(tmp_path / "elsewhere")
    (finished / "segments").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="a link instead of the folder segments"):
        RunFolder.open(finished).parts()
