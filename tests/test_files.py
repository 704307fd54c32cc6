"""Files from elsewhere are data: nothing runs, nothing waits, nothing unpacks without bound."""

import gzip
import io
import os
import zipfile

import numpy as np
import pytest

from diffjax.files import gunzip, packed_arrays, read_arrays, read_regular, replace_whole


def test_only_regular_files_of_bounded_size_are_read(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_regular(file, 5) == b"12345"
    with pytest.raises(ValueError, match="5 bytes, more than 4"):
        read_regular(file, 4)
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(ValueError, match="no regular file"):
        read_regular(tmp_path / "link")
    assert read_regular(tmp_path / "link", follow_links=True) == b"12345"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name, follow in (("pipe", False), ("pipe", True), ("zeros", True)):
        with pytest.raises(ValueError, match="no regular file"):
            read_regular(tmp_path / name, follow_links=follow)
    with pytest.raises(ValueError, match="no regular file"):
        read_regular(tmp_path)


def test_arrays_come_back_and_objects_do_not(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array(["x", "yz"]), "c": np.ones(())}
    replace_whole(tmp_path / "a.npz", packed_arrays(arrays))
    found = read_arrays(tmp_path / "a.npz", 2**20)
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
    np.savez(tmp_path / "o.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="only numbers and texts"):
        read_arrays(tmp_path / "o.npz", 2**20)


def test_archives_that_lie_are_refused(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(2**22))
    (tmp_path / "large.npz").write_bytes(made.getvalue())
    with pytest.raises(ValueError, match="claims to unpack to"):
        read_arrays(tmp_path / "large.npz", 2**20)
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
    np.lib.format.write_array_header_1_0(header, shape)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.npy", header.getvalue())
    (tmp_path / "claims.npz").write_bytes(made.getvalue())
    with pytest.raises(ValueError, match="claims 8796093022208 bytes"):
        read_arrays(tmp_path / "claims.npz", 2**20)
    (tmp_path / "none.npz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no archive"):
        read_arrays(tmp_path / "none.npz", 2**20)


def test_a_gzip_stream_unpacks_no_further_than_asked():
    packed = gzip.compress(bytes(2**26), 1)
    assert len(gunzip(packed, 100)) == 100
    assert gunzip(gzip.compress(b"abc") + gzip.compress(b"de"), 10) == b"abcde"
    for damaged in (packed[: len(packed) // 2], packed[:-4]):
        with pytest.raises(ValueError, match="cut short"):
            gunzip(damaged, 2**27)
    with pytest.raises(ValueError, match="cannot be decompressed"):
        gunzip(b"\x1f\x8b" + bytes(30), 10)


def test_a_write_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    replace_whole(tmp_path / "a", b"old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        replace_whole(tmp_path / "a", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"old")]
