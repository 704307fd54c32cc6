"""Command lines and study files, mutated, through the real entry of the command line."""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from diffjax.status import FAILURES
from tests.fuzz.campaign import Fault
from tests.fuzz.toy import STUDY

ALLOWED_CODES = (0, 2, 3)

_FLAGS = (
    "--out", "-o", "--devices", "--batch-size", "--retry", "--figures", "--no-figures", "--format",
    "--solver", "--help", "--version", "--frobnicate", "--cluster", "--", "-x", "--out=here",
)  # fmt: skip
_VALUES = (
    "1", "0", "-1", "99", "all", "nan", "1e9", "", " ", "failed", "png", "eigh", "here", "../here",
    "/dev/null", "/proc/here", "absent/here", "level=1", "level=-1", "level=", "=1", "levl=1",
    "size=0", "size=x", "seed=1.5", "level[0]=1", "level=1,2", "level=1;2", "level=none", "kind=é",
    "level=1e400", "seed=99999999999999999999", "\x1b[2J", "\0", "x" * 5000, "local:0", "pbs:3",
    "slurm:x", "local:", "toy.toml", "dial", "dials", "models", "fields", "status",
)  # fmt: skip
_STARTS = (
    ("sweep", "toy.toml"), ("explain", "toy.toml"), ("solve", "dial"), ("status", "run"),
    ("figure", "run"), ("status",), ("figure",), ("list",), ("cite",), ("frobnicate",), ("cite",),
)  # fmt: skip

commands = st.tuples(
    st.sampled_from(_STARTS),
    st.lists(st.one_of(st.sampled_from(_FLAGS), st.sampled_from(_VALUES), st.text(max_size=6))),
).map(lambda parts: (*parts[0], *parts[1][:5]))
"""Verbs with any flags and values, in any order."""

_REPLACEMENTS = (
    "nan", "inf", "-1", "0", "1e400", "9" * 30, "[]", "[[1], [2, 3]]", '"x"', "true", "{}",
    "{a = 1}", "[nan]", "[1.0, 1.0]", "2020-01-01", '"../../x"', "{linspace = [0, 1, 1e18]}",
    "{geomspace = [0, 1, 3]}", "{range = [0, 1e18]}", "{range = [3, 0]}", "{zip = {}}",
    "{zip = {seed = [1], level = [1.0, 2.0]}}", "[" * 3000 + "]" * 3000, "'''",
    "{range = [nan, 1]}",
    "{linspace = [nan, 1, 3]}", "{linspace = [0, 1, nan]}", "{linspace = [0, 1, -3]}", "[{}]",
    "[true]", '["a", 1]', "1e-320", "{zip = 3}", '{zip = {level = {zip = {seed = [1]}}}}',
    "{linspace = [0, 1, true]}", "{geomspace = [1e-300, 1e300, 5]}", '"\\u0000"', '"\\u001b[2J"',
)  # fmt: skip
_LINES = (
    "[problem]", "[axes]", "[options]", "[[figures]]", "[figures]", 'name = "../escape"',
    "name = 3",
    "title = 3", 'claims = ["x"]', "claims = 3", "claims = [3]", 'plot = "phase_maps"', "plot = 3",
    'plot = "os.system"', "arguments = 3", "at = 3", "citations = 3", "citations = [3]",
    "model = 3",
    "power = 2.5", 'power = "x"', "power = []", "level = 3", "offset = [1]", 'kind = "b"',
    "kind = []",
    "[problem.level]", "[problem.mixture]", "size = 10000000000000000000000", "[axes.seed]",
    '"stds[0]" = [1.0]', '"" = [1.0]', '"level[0]" = [1.0]', "size = [1, 2]", "kind = [1, 2]",
    '[[figures]]\nplot = "phase_maps"\nname = "../../x"',
    '[[figures]]\nplot = "phase_maps"\nat = 3',
    '[[figures]]\nplot = "phase_maps"\narguments = {quantity = 3}', "place = [1.0]", "status = [1]",
)  # fmt: skip


@st.composite
def studies(draw: Any) -> str:
    """The text of the study with one to four edits."""
    lines = STUDY.splitlines()
    for _ in range(draw(st.integers(1, 4))):
        lines = _edited(draw, lines)
    return "\n".join(lines)


def _edited(draw: Any, lines: list[str]) -> list[str]:
    at = draw(st.integers(0, max(len(lines) - 1, 0)))
    line = lines[at] if lines else ""
    kind = draw(st.sampled_from(("value", "value", "value", "line", "drop", "twice", "letters")))
    if kind == "value" and "=" in line:
        return [*lines[:at], f"{line.split('=')[0]}= {draw(st.sampled_from(_REPLACEMENTS))}",
                *lines[at + 1 :]]  # fmt: skip
    if kind == "line":
        return [*lines[:at], draw(st.sampled_from(_LINES)), *lines[at:]]
    if kind == "drop":
        return [*lines[:at], *lines[at + 1 :]]
    if kind == "twice":
        return [*lines[:at], line, *lines[at:]]
    cut = draw(st.integers(0, len(line)))
    changed = line[:cut] + draw(st.text(max_size=3)) + line[cut + draw(st.integers(0, 2)) :]
    return [*lines[:at], changed, *lines[at + 1 :]]


def check_study(text: str) -> bool:
    """``diffjax sweep`` on the file: a run with a status, or a refusal that writes nothing."""
    content = text.encode("utf-8", "surrogatepass")
    with _workplace(content) as place:
        code = _run(("sweep", "toy.toml", "--out", "run", "--no-figures"))
        if code == 2:
            _require_untouched(place)
            return False
        _require_statuses(place / "run")
    return True


def check_command(arguments: Sequence[str]) -> bool:
    """Any command line: done, or a refusal that writes nothing."""
    with _workplace(STUDY.encode()) as place:
        code = _run(arguments)
        if code == 2:
            _require_untouched(place)
        return code != 2


@contextlib.contextmanager
def _workplace(study: bytes):
    before = Path.cwd()
    top = Path(tempfile.mkdtemp(prefix="diffjax-fuzz-"))
    place = top / "inner"
    place.mkdir()
    (place / "toy.toml").write_bytes(study)
    os.chdir(place)
    try:
        yield place
    finally:
        os.chdir(before)
        shutil.rmtree(top, ignore_errors=True)


def _run(arguments: Sequence[str]) -> int:
    """The exit code; a refusal says what to do."""
    from diffjax.cli.application import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = int(run(list(arguments)))
    if code not in ALLOWED_CODES:
        raise Fault(f"exit code {code}")
    if code == 2 and not err.getvalue().strip() + out.getvalue().strip():
        raise Fault("exit code 2 without a word")
    return code


def _require_untouched(place: Path) -> None:
    found = {str(path.relative_to(place.parent)) for path in place.parent.rglob("*")}
    if found != {"inner", "inner/toy.toml"}:
        raise Fault(f"a refusal left {sorted(found)}")


def _require_statuses(folder: Path) -> None:
    from diffjax.sweep import open_run

    dataset = open_run(folder)
    bad = np.isin(dataset["status"], [int(status) for status in FAILURES])
    padded = dataset.attrs.get("padded_dims", "").split(", ")
    for name in (name for name in dataset.data_vars if not {*dataset[name].dims} & {*padded}):
        values = dataset[name].values.reshape(bad.size, -1)
        if values.dtype.kind == "f" and np.isnan(values).any(axis=1)[~bad.ravel()].any():
            raise Fault(f"{name} is nan without a status")
