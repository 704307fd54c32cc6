"""The folder of a training run: what it is, its metrics as they come, weights, states, samples.

::

    run.json           settings and fingerprint of the data; written before the first step
    data.npz           training images, mean image and scale
    facts.json         what is known of the classes before training
    metrics.jsonl      one line per evaluated step, appended as it is measured
    evaluations.jsonl  one line per later measurement of stored weights
    samples/STEP.npz   images generated at that step
    weights/STEP/      weights that were evaluated (orbax)
    state/STEP/        complete states to resume from (orbax); the latest two are kept

Lines, samples and weights beyond the latest state belong to a process that was killed. They are cut
off when the run is resumed, and come again with the same bits.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffjax.errors import InputError, StoreMismatch
from diffjax.unet.checkpoints import Checkpoints

FORMAT = "diffjax unet run"
FORMAT_VERSION = 1

_FACTS_ABOUT_SESSIONS = ("created", "versions", "format_version")


class TrainingFolder:
    """A run of `diffjax.unet.train_run` on disk.

    Args:
        path: of the folder.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.weights = Checkpoints(self.path / "weights")
        self.states = Checkpoints(self.path / "state")

    def exists(self) -> bool:
        """Whether there is a run."""
        return (self.path / "run.json").exists()

    def record(self) -> dict[str, Any]:
        """The content of run.json.

        Raises:
            InputError: there is no such run.
        """
        try:
            record = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise self._no_run("has no run.json") from None
        except (UnicodeDecodeError, ValueError) as error:
            raise self._no_run(f"has a run.json that is no JSON ({error})") from None
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise self._no_run("holds a run of another kind")
        if record.get("format_version") != FORMAT_VERSION:
            raise self._no_run(f"has format_version {record.get('format_version')}")
        return record

    def create(self, record: Mapping[str, Any], data: Mapping[str, np.ndarray]) -> None:
        """Make the folder of a new run.

        Raises:
            InputError: it holds something else.
            OSError: it cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        names = sorted(p.name for p in self.path.iterdir())
        strange = [n for n in names if n != "data.npz" and not n.startswith(".unfinished-")]
        if strange:
            raise self._no_run(f"is not empty (it has {strange[0]}) and has no run.json")
        _write_arrays(self.path / "data.npz", data)
        self.write_json("run.json", {"format": FORMAT, "format_version": FORMAT_VERSION, **record})

    def write_json(self, name: str, content: Any) -> None:
        """Write a small file whole."""
        _replace(self.path / name, (json.dumps(content, indent=1) + "\n").encode())

    def require_same(self, record: Mapping[str, Any]) -> None:
        """Raise unless a run with this record may be continued here; more steps are allowed.

        Raises:
            StoreMismatch: names the first field that differs, with both values.
        """
        stored = self.record()
        stored["training"] = {**stored["training"], "steps": 0}
        wanted = {**record, "training": {**record["training"], "steps": 0}}
        for name in sorted({*stored, *wanted} - {"format", *_FACTS_ABOUT_SESSIONS}):
            _require_equal(name, stored.get(name), wanted.get(name), self.path)

    def append_metrics(self, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        """Add one line, durably."""
        self._append("metrics.jsonl", {"step": step, **_lists(metrics)})

    def append_evaluation(
        self, facts: Mapping[str, Any], metrics: Mapping[str, np.ndarray]
    ) -> None:
        """Add a line about a later measurement, durably."""
        self._append("evaluations.jsonl", {**facts, "metrics": _lists(metrics)})

    def metrics(self) -> list[dict[str, Any]]:
        """All complete lines, by step."""
        found = [json.loads(line) for line in self._lines()]
        return sorted(found, key=lambda line: line["step"])

    def save_samples(self, step: int, samples: Mapping[str, np.ndarray]) -> None:
        """Write the images that were generated at a step."""
        (self.path / "samples").mkdir(exist_ok=True)
        _write_arrays(self._samples(step), samples)

    def samples(self, step: int) -> dict[str, np.ndarray]:
        """The images that were generated at a step; empty if there are none."""
        if not self._samples(step).exists():
            return {}
        with np.load(self._samples(step)) as file:
            return {name: file[name] for name in file.files}

    def data(self) -> dict[str, np.ndarray]:
        """Training images, labels, mean image and scale."""
        with np.load(self.path / "data.npz") as file:
            return {name: file[name] for name in file.files}

    def cut_off(self, step: int) -> None:
        """Remove everything that was measured after a step."""
        kept = [line for line in self._lines() if json.loads(line)["step"] <= step]
        if (self.path / "metrics.jsonl").exists():
            _replace(self.path / "metrics.jsonl", b"".join(kept))
        for path in (self.path / "samples").glob("*.npz"):
            if int(path.stem) > step:
                path.unlink()
        self.weights.remove([s for s in self.weights.steps() if s > step])
        self.states.remove([s for s in self.states.steps() if s > step])

    def _lines(self) -> list[bytes]:
        """Lines of the metrics; a last one without its end was cut short and does not count."""
        path = self.path / "metrics.jsonl"
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        return [line for line in lines if line.endswith(b"\n")]

    def _append(self, name: str, line: Mapping[str, Any]) -> None:
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _samples(self, step: int) -> Path:
        return self.path / "samples" / f"{step:09d}.npz"

    def _no_run(self, why: str) -> InputError:
        return InputError(
            f"folder {self.path} {why}",
            "a run of diffjax unet train, or for a new one an empty or new folder",
            "name another folder",
        )


def _lists(metrics: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in metrics.items()}


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    unfinished = path.with_name(f".unfinished-{path.name}")
    with unfinished.open("wb") as file:
        np.savez(file, **{name: np.asarray(value) for name, value in arrays.items()})  # pyright: ignore
    unfinished.replace(path)


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".unfinished-{path.name}")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _require_equal(name: str, stored: Any, wanted: Any, folder: Path) -> None:
    if stored == wanted:
        return
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in sorted({*stored, *wanted}):
            _require_equal(f"{name}.{key}", stored.get(key), wanted.get(key), folder)
    raise StoreMismatch(
        f"{folder} holds a run with {name}={stored!r}, this call has {name}={wanted!r}",
        "a run is continued with its own settings and data; only steps may be raised",
        "choose another folder, or go back to the stored value",
    )
