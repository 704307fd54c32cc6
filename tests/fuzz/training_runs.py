"""Folders of training runs from a stranger: the promises of sweeps hold for them, too."""

import json
import os
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import folders
from tests.fuzz.campaign import Fault

STEPS = (1, 2)
_WHOLE = (*folders._FILES, "objects", "bomb", "cut", "flipped", "bad line", "strange npz")


class Change(NamedTuple):
    """Of one file: of the JSON value found along `steps`, or of the whole file."""

    file: int
    steps: tuple[int, ...]
    value: Any
    whole: str | None


cases = st.lists(
    st.builds(
        Change,
        st.integers(0, 10**6),
        st.lists(st.integers(0, 50), min_size=1, max_size=5).map(tuple),
        st.sampled_from(folders._VALUES),
        st.one_of(st.none(), st.sampled_from(_WHOLE)),
    ),
    min_size=1,
    max_size=2,
)


@cache
def original() -> Path:
    """A run with numbers of no meaning, written by the code that writes real ones."""
    from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig, to_json
    from diffjax.unet.run_folder import TrainingFolder

    rng = np.random.default_rng(0)
    folder = TrainingFolder(Path(tempfile.mkdtemp(prefix="diffjax-fuzz-")) / "run")
    about = {"source": "noise", "classes": [3, 8], "names": ["three", "eight"], "counts": [4, 2],
             "size": 8, "train_sha256": "0" * 64}  # fmt: skip
    configs = {"network": NetworkConfig(), "training": TrainingConfig(steps=2),
               "evaluation": EvaluationConfig(examples=1)}  # fmt: skip
    record = {name: to_json(config) for name, config in configs.items()}
    data = {"train": rng.random((6, 8, 8, 1)).astype(np.float32),
            "train_labels": np.repeat([0, 1], [4, 2]).astype(np.int32),
            "mean_image": np.zeros((8, 8, 1)), "scale": np.ones(())}  # fmt: skip
    folder.create({**record, "data": about, "created": "2026-01-01", "versions": {}}, data)
    facts = {"final_train_loss": [0.1, 0.2], "sample_counts": [4, 2], "class_variance": [1.0, 1.0]}
    folder.write_json("facts.json", facts)
    for step in STEPS:
        metrics = {name: rng.random(2) for name in ("train_loss", "test_loss", "class_share")}
        folder.append_metrics(step, metrics)
        folder.save_samples(step, {
            "images": rng.random((4, 8, 8, 1)).astype(np.float32),
            "classes": np.array([0, 1, 0, 1]), "nearest": np.arange(4), "memorized": np.zeros(4),
        })  # fmt: skip
        folder.weights.save(step, tree())
    return folder.path


def tree() -> dict[str, np.ndarray]:
    """Arrays in the place of the weights of a network."""
    return {"kernel": np.arange(6.0, dtype=np.float32), "bias": np.zeros(2, np.float32)}


def prepare() -> None:
    """Make the run that the cases change."""
    original()


def forget() -> None:
    """Remove it."""
    shutil.rmtree(original().parent, ignore_errors=True)
    original.cache_clear()


def check(case: list[Change]) -> bool:
    """Open the changed folder and read all of it: results or a refusal; nothing else happens."""
    from diffjax.sweep import open_run
    from diffjax.unet.run_folder import TrainingFolder

    top = Path(tempfile.mkdtemp(prefix="diffjax-fuzz-"))
    try:
        shutil.copytree(original(), top / "run")
        for change in case:
            _apply(change, top)
        before, memory = folders._snapshot(top), folders._peak_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                open_run(top / "run")
                folder = TrainingFolder(top / "run")
                folder.data()
                for step in folder.weights.steps():
                    folder.weights.load(step, tree())
            finally:
                if folders._snapshot(top) != before:
                    raise Fault("opening a run changed files")
                if folders._peak_bytes() - memory > folders.MOST_BYTES:
                    raise Fault("opening a run took gigabytes")
    finally:
        shutil.rmtree(top, ignore_errors=True)
    return True


def _apply(change: Change, top: Path) -> None:
    run = top / "run"
    files = sorted(p for p in run.rglob("*") if p.is_file() and not p.is_symlink())
    often = [p for p in files if p.parent in (run, run / "samples")] * 4
    path = (files + often)[change.file % len(files + often)]
    if change.whole is not None:
        spoil(path, change.whole, top, change.file)
    elif path.suffix in (".json", ".jsonl") and folders._plain(path):
        try:
            lines = [json.loads(line) for line in _values(path)]
        except ValueError:
            return
        lines[-1] = folders._changed(lines[-1], change.steps, change.value)
        path.write_text("".join(folders._text(line) + "\n" for line in lines))


def _values(path: Path) -> list[str]:
    text = path.read_text()
    return text.splitlines() if path.suffix == ".jsonl" else [text]


def spoil(path: Path, kind: str, top: Path, chance: int) -> None:
    """Replace a file as a stranger or a broken disk would."""
    if not folders._plain(path):  # spoiled before, perhaps into more than memory holds
        return
    content = bytearray(path.read_bytes())
    if kind in folders._FILES:
        folders._replace_file(path, kind, top)
    elif kind == "objects":
        import io

        made = io.BytesIO()
        np.savez(made, train=np.array([folders._Payload()], dtype=object))
        path.write_bytes(made.getvalue())
    elif kind == "bomb":
        import io
        import zipfile

        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("train.npy", bytes(2**24))
        raw = made.getvalue().replace(
            (2**24).to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little")
        )
        path.write_bytes(raw)
    elif kind == "cut":
        path.write_bytes(content[: chance % max(len(content), 1)])
    elif kind == "flipped":
        if content:
            content[chance % len(content)] ^= 1 << (chance % 8)
        path.write_bytes(content)
    elif kind == "bad line":
        path.write_bytes(bytes(content) + b'{"step": 3, "train_loss": \n')
    else:
        with path.open("wb") as file:
            np.savez(file, train=np.zeros(3), other=np.array(["a", "b"]))
    os.utime(path, follow_symlinks=False)
