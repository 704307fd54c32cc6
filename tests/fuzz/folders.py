"""Run folders from a stranger: opening one runs nothing, writes nothing and ends soon."""

import hashlib
import json
import os
import resource
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from diffjax.status import FAILURES, MISSING
from tests.fuzz.campaign import Fault
from tests.fuzz.toy import Dial, dial

MOST_BYTES = 2**31
"""Memory that opening any folder may add to this process."""

_VALUES = (
    None, True, -1, 0, 1, 2**31, 2**60, 2**63, 10**400, 1e308, "", "..", "../../escape",
    "/etc/passwd",
    "a/b", "\x1b[2J", "x" * 10**6, [], {}, [[]], [2**60], [2**40, 2**40], [0], [-1], {"a": {}},
    "|O",
    "object", "O", "V8", "U1000000000", "string", "variable_length_utf8", "numcodecs.pickle",
    {"name": "numcodecs.pickle", "configuration": {}}, [{"name": "numcodecs.pickle"}],
    [{"name": "bytes"}], {"name": "sharding_indexed", "configuration": {"chunk_shape": [1]}},
    "__deep__", "float32", "int8", "uint64", "status", "level", "gzip", float("nan"), [1, 2, 3],
    ["place"] * 40, ["status"], ["level"], {"name": "v2", "configuration": {"separator": "/../"}},
)  # fmt: skip
_FILES = (
    "link",
    "link outside",
    "pipe",
    "folder",
    "sparse",
    "empty",
    "zero device",
    "deep",
    "pickle",
)


class Hostile(NamedTuple):
    """A change of one file: of the JSON value found along `steps`, or of the whole file."""

    file: int
    steps: tuple[int, ...]
    value: Any
    whole: str | None


hostile = st.lists(
    st.builds(
        Hostile,
        st.integers(0, 10**6),
        st.lists(st.integers(0, 50), min_size=1, max_size=6).map(tuple),
        st.sampled_from(_VALUES),
        st.one_of(st.none(), st.none(), st.sampled_from(_FILES)),
    ),
    min_size=1,
    max_size=3,
)


@cache
def _original() -> Path:
    """A finished run, made once."""
    from diffjax.sweep import sweep

    folder = Path(tempfile.mkdtemp(prefix="diffjax-fuzz-")) / "run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sweep(dial, Dial(), {"level": [-1.0, 1.0, 2.0], "seed": range(3)}, folder)
    return folder


def prepare() -> None:
    """Make the run that the cases change."""
    _original()


def forget() -> None:
    """Remove it."""
    shutil.rmtree(_original().parent, ignore_errors=True)
    _original.cache_clear()


def check(case: list[Hostile]) -> bool:
    """Open the changed folder: a dataset with a status, or a refusal; nothing else happens."""
    from diffjax.sweep import open_run

    top = Path(tempfile.mkdtemp(prefix="diffjax-fuzz-"))
    try:
        folder = top / "run"
        shutil.copytree(_original(), folder)
        for change in case:
            _apply(change, folder, top)
        _sign(folder)
        before, memory = _snapshot(top), _peak_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                _require_statuses(open_run(folder))
            finally:
                if _snapshot(top) != before:
                    raise Fault("opening a run changed files")
                if _peak_bytes() - memory > MOST_BYTES:
                    raise Fault("opening a run took gigabytes")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return True


def _apply(change: Hostile, folder: Path, top: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    described = [path for path in files if path.name in ("zarr.json", "run.json")] * 3
    path = (files + described)[change.file % len(files + described)]
    if change.whole is not None:
        _replace_file(path, change.whole, top)
    elif path.suffix == ".json" and _plain(path):
        try:
            content = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            return
        path.write_text(_text(_changed(content, change.steps, change.value)))


def _changed(content: Any, steps: tuple[int, ...], value: Any) -> Any:
    """The content with the value at the end of a walk through its keys replaced."""
    if not steps or not isinstance(content, dict | list) or not content:
        return value
    keys = sorted(content) if isinstance(content, dict) else range(len(content))
    key: Any = keys[steps[0] % len(keys)]
    held = dict(content) if isinstance(content, dict) else list(content)
    held[key] = _changed(content[key], steps[1:], value)
    return held


def _text(content: Any) -> str:
    return json.dumps(content).replace('"__deep__"', "[" * 100_000 + "]" * 100_000)


class _Payload:
    """What a pickle of a stranger would do."""

    def __reduce__(self):
        return os.mkdir, (str(Path(tempfile.gettempdir()) / "diffjax-fuzz-escaped"),)


def _replace_file(path: Path, kind: str, top: Path) -> None:
    import pickle

    path.unlink()
    secret = top / "secret.json"
    secret.write_text("{}")
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "link outside":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "zero device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(2**38)
    else:
        contents = {"empty": b"", "deep": b"[" * 10**6, "pickle": pickle.dumps(_Payload())}
        path.write_bytes(contents[kind])


def _sign(folder: Path) -> None:
    """Sums that fit, as a stranger would write them."""
    copy = folder / "run.json.copy"
    if copy.is_dir():
        copy.rmdir()
    copy.unlink(missing_ok=True)
    record = folder / "run.json"
    if record.is_file() and not record.is_symlink() and record.stat().st_size < 10**7:
        try:
            content = json.loads(record.read_text())
            content.pop("sha256", None)
            record.write_text(json.dumps(content))
        except (ValueError, AttributeError, RecursionError):
            pass
    for sums in folder.rglob("*.sha256"):
        if not sums.is_file() or sums.is_symlink() or sums.stat().st_size > 10**7:
            continue
        files = [path for path in sums.with_suffix("").rglob("zarr.json") if _plain(path)]
        lines = [
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(sums.parent)}\n"
            for path in files
        ]
        sums.write_text("".join(lines))


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size < 10**7


def _snapshot(top: Path) -> list[tuple[str, int, int]]:
    escaped = Path(tempfile.gettempdir()) / "diffjax-fuzz-escaped"
    if escaped.exists():
        escaped.rmdir()
        raise Fault("a pickle was loaded")
    found = [(str(path), path.lstat()) for path in sorted(top.rglob("*"))]
    return [(name, facts.st_size, facts.st_mtime_ns) for name, facts in found]


def _peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _require_statuses(dataset: Any) -> None:
    excused = np.isin(dataset["status"], [MISSING, *(int(status) for status in FAILURES)])
    for name in ("height", "logarithm"):
        if name in dataset and dataset[name].dtype.kind == "f":
            values = dataset[name].values.reshape(excused.size, -1)
            if np.isnan(values[~excused.ravel()]).any():
                raise Fault(f"{name} is nan without a status")
