"""Files of images from anywhere: pipes, links, bombs, headers that lie, checksums that differ."""

import gzip
import shutil
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import folders
from tests.fuzz.campaign import Fault
from tests.fuzz.training_runs import spoil

_KINDS = ("flipped", "cut", "pipe", "link", "link outside", "folder", "empty", "zero device",
          "sparse", "gzip bomb", "header lies", "plain", "longer", "other type", "many dimensions",
          "two streams")  # fmt: skip


class Spoiled(NamedTuple):
    """What happens to one of the four files, and whether its checksum is compared."""

    file: int
    kind: str
    chance: int
    check: bool


cases = st.lists(
    st.builds(
        Spoiled,
        st.integers(0, 3),
        st.sampled_from(_KINDS),
        st.integers(0, 10**6),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=0,
    max_size=2,
)


def check(case: list[Spoiled]) -> bool:
    """Load them: images, or a refusal, in little memory and without waiting for anybody."""
    from diffjax.unet.fashion_mnist import CHECKSUMS, load_fashion_mnist
    from diffjax.unet.idx_files import write_idx

    top = Path(tempfile.mkdtemp(prefix="diffjax-fuzz-"))
    rng = np.random.default_rng(0)
    try:
        for name in CHECKSUMS:
            labels = np.arange(12, dtype=np.uint8) % 10
            images = rng.integers(0, 256, (12, 4, 4)).astype(np.uint8)
            write_idx(top / name, labels if "labels" in name else images)
        for change in case:
            _spoil(top / sorted(CHECKSUMS)[change.file], change, top)
        memory = folders._peak_bytes()
        try:
            load_fashion_mnist(top, check=any(change.check for change in case))
        finally:
            if folders._peak_bytes() - memory > folders.MOST_BYTES // 4:
                raise Fault("loading images took gigabytes")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return True


def _spoil(path: Path, change: Spoiled, top: Path) -> None:
    if not folders._plain(path):
        return
    made = _content(path, change)
    if made is None:
        spoil(path, change.kind, top, change.chance)
    else:
        path.write_bytes(made)


def _is_whole(raw: bytes) -> bool:
    try:
        return bool(gzip.decompress(raw))
    except (OSError, EOFError, zlib.error):
        return False


def _content(path: Path, change: Spoiled) -> Any:
    raw = path.read_bytes()
    if change.kind == "gzip bomb":
        return gzip.compress(bytes([0, 0, 8, 3]) + bytes(2**26), 1)
    if change.kind == "header lies":
        sizes = [2**31 - 1, change.chance, 2**20]
        return gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", *sizes) + b"12")
    if change.kind == "many dimensions":
        return gzip.compress(bytes([0, 0, 8, 255]) + struct.pack(">255I", *[1] * 255) + b"1")
    if change.kind == "other type":
        return gzip.compress(bytes([0, 0, 13, 1]) + struct.pack(">I", 1) + b"1234")
    if change.kind == "plain":
        return zlib.decompressobj(wbits=31).decompress(raw, 2**20) if _is_whole(raw) else raw
    if change.kind == "longer":
        return raw + bytes(change.chance % 100)
    if change.kind == "two streams":
        return raw + gzip.compress(b"more")
    return None
