"""What a segment says of its arrays, believed only as far as this engine writes it itself.

A run folder may come from a broken disk or from a stranger. The metadata is therefore read as plain
JSON, compared with its SHA-256 sums and refused unless it describes arrays of numbers in whole
chunks with a checksum, before zarr sees it: no other type, codec or layout is ever instantiated.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffjax.files import parse_json, read_regular, replace_whole

_TYPES = frozenset(
    ["bool", *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))]
    + ["float16", "float32", "float64", "complex64", "complex128"]
)
_CODECS = (["bytes", "crc32c"], ["bytes", "zstd", "crc32c"])
_KEYS = {"name": "default", "configuration": {"separator": "/"}}


@dataclass(frozen=True)
class Layout:
    """One array: `batches` chunks of (rows, *inner)."""

    dtype: np.dtype
    batches: int
    rows: int
    inner: tuple[int, ...]

    @property
    def batch_bytes(self) -> int:
        """Memory of one batch."""
        return self.rows * math.prod(self.inner) * self.dtype.itemsize


def write_sums(segment: Path, names: Iterable[str]) -> None:
    """Write the SHA-256 sums of a segment's metadata beside it; ``sha256sum -c`` reads them."""
    files = ["zarr.json", *(f"{name}/zarr.json" for name in names)]
    lines = [f"{_sum((segment / file).read_bytes())}  {segment.name}/{file}\n" for file in files]
    replace_whole(_sums_file(segment), "".join(lines).encode())


def read_metadata(
    segment: Path, names: Iterable[str]
) -> tuple[Mapping[str, Any], dict[str, Layout]]:
    """Attributes of a segment and the layout of its arrays.

    Args:
        segment: its folder.
        names: of the arrays.

    Raises:
        OSError: a file is absent or cannot be read.
        ValueError: a file was changed, or describes what this engine does not write.
    """
    sums = _read_sums(segment)
    group = _checked_json(segment, "zarr.json", sums)
    _require(group.get("node_type") == "group" and group.get("zarr_format") == 3, "a zarr group")
    _require(not group.get("consolidated_metadata"), "no second copy of the metadata")
    attributes: Any = group.get("attributes")
    _require(isinstance(attributes, dict), "attributes")
    layouts = {n: _layout(_checked_json(segment, f"{n}/zarr.json", sums)) for n in names}
    _require(len({(found.batches, found.rows) for found in layouts.values()}) == 1, "equal batches")
    return attributes, layouts


def _layout(described: Mapping[str, Any]) -> Layout:
    shape: Any = described.get("shape")
    chunks: Any = _configuration(described, "chunk_grid", "chunk_shape")
    sizes = isinstance(shape, list) and isinstance(chunks, list) and len(shape) == len(chunks) > 0
    _require(sizes and all(type(n) is int and n >= 0 for n in (*shape, *chunks)), "a shape")
    _require(described.get("node_type") == "array" and described.get("zarr_format") == 3, "arrays")
    _require(described.get("chunk_grid", {}).get("name") == "regular", "regular chunks")
    _require(described.get("chunk_key_encoding") == _KEYS, "the default names of chunks")
    _require(described.get("data_type") in _TYPES, "numbers")
    _require(not described.get("storage_transformers"), "no storage transformers")
    codecs = [codec.get("name") for codec in described.get("codecs", []) if isinstance(codec, dict)]
    _require(codecs in _CODECS, f"the codecs {_CODECS}")
    rows = chunks[0]
    _require(rows > 0 and shape[0] % rows == 0, "whole batches")
    _require(chunks[1:] == [max(size, 1) for size in shape[1:]], "one chunk per batch")
    return Layout(np.dtype(described["data_type"]), shape[0] // rows, rows, tuple(shape[1:]))


def _configuration(described: Mapping[str, Any], name: str, key: str) -> Any:
    found = described.get(name)
    inside = found.get("configuration") if isinstance(found, dict) else None
    return inside.get(key) if isinstance(inside, dict) else None


def _checked_json(segment: Path, file: str, sums: Mapping[str, str] | None) -> dict[str, Any]:
    content = read_regular(segment / file)
    if sums is not None and sums.get(f"{segment.name}/{file}") != _sum(content):
        raise ValueError(f"{file} is not what was written (its SHA-256 sum differs)")
    try:
        found = parse_json(content)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds no JSON object")
    return found


def _read_sums(segment: Path) -> dict[str, str] | None:
    """File to sum; None for a segment of a version that wrote none."""
    try:
        lines = read_regular(_sums_file(segment)).decode("ascii").splitlines()
    except FileNotFoundError:
        return None
    pairs = (line.split("  ", 1) for line in lines if "  " in line)
    return {file: value for value, file in pairs}


def _sums_file(segment: Path) -> Path:
    return segment.with_name(f"{segment.name}.sha256")


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"the metadata is not that of a segment: it lacks {what}")
