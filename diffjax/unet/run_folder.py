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
from diffjax.files import (
    folder_identity,
    lost_run,
    packed_arrays,
    parse_json,
    read_arrays,
    read_json,
    read_regular,
    replace_whole,
)
from diffjax.unet.checkpoints import Checkpoints
from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig, from_json

FORMAT = "diffjax unet run"
FORMAT_VERSION = 1

ARRAY_BYTES = 2**32
"""What an archive of arrays in a run may unpack to."""

_DATA = {"train": 4, "train_labels": 1, "mean_image": 3, "scale": 0}
"""Arrays of data.npz with their numbers of dimensions."""

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
        self._held: tuple[int, int] | None = None

    def hold(self) -> None:
        """From now on this folder, and no other one under its name, is written to."""
        self._held = folder_identity(self.path, follow_links=True)

    def require_here(self) -> None:
        """Raise unless the folder is the one that is held.

        Raises:
            OSError: it was removed, renamed or replaced.
        """
        found = folder_identity(self.path, follow_links=True)
        if found is None or found != self._held or not self.exists():
            what = "was removed" if found is None else "was replaced or lost its run.json"
            raise lost_run(self.path, what)

    def exists(self) -> bool:
        """Whether there is a run."""
        return os.path.lexists(self.path / "run.json")

    def record(self) -> dict[str, Any]:
        """The content of run.json.

        Raises:
            InputError: there is no such run.
        """
        try:
            record = read_json(self.path / "run.json")
        except (FileNotFoundError, NotADirectoryError):
            raise self._no_run("has no run.json") from None
        except ValueError as error:
            raise self._no_run(f"has a run.json that cannot be used ({error})") from None
        if not isinstance(record, dict) or record.get("format") != FORMAT:
            raise self._no_run("holds a run of another kind")
        if record.get("format_version") != FORMAT_VERSION:
            raise self._no_run(f"has format_version {record.get('format_version')!r:.40}")
        try:
            check_record(record)
        except ValueError as error:
            raise self._no_run(f"has a run.json that describes no run ({error})") from None
        return record

    def facts(self) -> dict[str, Any]:
        """What is known of the classes before training.

        Raises:
            InputError: there is nothing, or it cannot be read.
        """
        try:
            found = read_json(self.path / "facts.json")
            if not isinstance(found, dict):
                raise ValueError("it is no table")
            numbers = {name: np.asarray(value) for name, value in found.items()}
            if any(value.dtype.kind not in "biuf" for value in numbers.values()):
                raise ValueError("it holds something else than numbers")
        except (OSError, ValueError) as error:
            raise self._damaged("facts.json", error) from None
        return numbers

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
        replace_whole(self.path / "data.npz", packed_arrays(data))
        self.write_json("run.json", {"format": FORMAT, "format_version": FORMAT_VERSION, **record})

    def write_json(self, name: str, content: Any) -> None:
        """Write a small file whole."""
        replace_whole(self.path / name, (json.dumps(content, indent=1) + "\n").encode())

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
        """All complete lines, by step.

        Raises:
            InputError: a line is not what this program writes.
        """
        found = []
        for number, line in enumerate(self._lines(), start=1):
            try:
                measured = parse_json(line)
                _check_line(measured)
            except ValueError as error:
                raise self._damaged(f"metrics.jsonl, line {number}", error) from None
            found.append(measured)
        return sorted(found, key=lambda line: line["step"])

    def save_samples(self, step: int, samples: Mapping[str, np.ndarray]) -> None:
        """Write the images that were generated at a step."""
        (self.path / "samples").mkdir(exist_ok=True)
        replace_whole(self._samples(step), packed_arrays(samples))

    def samples(self, step: int) -> dict[str, np.ndarray]:
        """The images that were generated at a step; empty if there are none."""
        if not os.path.lexists(self._samples(step)):
            return {}
        return self._arrays(self._samples(step))

    def data(self) -> dict[str, np.ndarray]:
        """Training images, labels, mean image and scale.

        Raises:
            InputError: they are absent, damaged, or not of the form that this program writes.
        """
        found = self._arrays(self.path / "data.npz")
        shapes = {name: found[name].ndim if name in found else None for name in _DATA}
        if shapes != _DATA or any(found[name].dtype.kind not in "iuf" for name in _DATA):
            raise self._damaged("data.npz", ValueError(f"it holds {sorted(found)}"))
        return found

    def _arrays(self, file: Path) -> dict[str, np.ndarray]:
        try:
            return read_arrays(file, ARRAY_BYTES)
        except (OSError, ValueError) as error:
            raise self._damaged(str(file.relative_to(self.path)), error) from None

    def cut_off(self, step: int) -> None:
        """Remove everything that was measured after a step."""
        lines = zip(self._lines(), self._steps(), strict=True)
        kept = [line for line, measured in lines if measured <= step]
        if (self.path / "metrics.jsonl").exists():
            replace_whole(self.path / "metrics.jsonl", b"".join(kept))
        for path in (self.path / "samples").glob("*.npz"):
            if int(path.stem) > step:
                path.unlink()
        self.weights.remove([s for s in self.weights.steps() if s > step])
        self.states.remove([s for s in self.states.steps() if s > step])

    def _lines(self) -> list[bytes]:
        """Lines of the metrics; a last one without its end was cut short and does not count."""
        path = self.path / "metrics.jsonl"
        try:
            lines = read_regular(path).splitlines(keepends=True)
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise self._damaged(path.name, error) from None
        return [line for line in lines if line.endswith(b"\n")]

    def _steps(self) -> list[int]:
        """Of the complete lines, in their order in the file."""
        self.metrics()  # says which one is damaged
        return [parse_json(line)["step"] for line in self._lines()]

    def _append(self, name: str, line: Mapping[str, Any]) -> None:
        if (self.path / name).is_symlink():
            raise self._damaged(name, ValueError("this is no regular file"))
        with (self.path / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _samples(self, step: int) -> Path:
        return self.path / "samples" / f"{step:09d}.npz"

    def _damaged(self, what: str, error: Exception) -> InputError:
        said = getattr(error, "strerror", None) or error
        return InputError(
            f"{self.path}/{what} cannot be used ({said!s:.300})",
            "files of a training run as diffjax wrote them",
            "get the folder again from where it came from, or train into a new one",
        )

    def _no_run(self, why: str) -> InputError:
        return InputError(
            f"folder {self.path} {why}",
            "a run of diffjax unet train, or for a new one an empty or new folder",
            "name another folder",
        )


def _lists(metrics: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {name: np.asarray(value).tolist() for name, value in metrics.items()}


def check_record(record: Mapping[str, Any]) -> None:
    """Raise ValueError unless the content of run.json has the form that this program writes."""
    for name in ("network", "training", "evaluation", "data"):
        if not isinstance(record.get(name), dict):
            raise ValueError(f"{name} is no table")
    for name, kind in (
        ("network", NetworkConfig), ("training", TrainingConfig), ("evaluation", EvaluationConfig),
    ):  # fmt: skip
        try:
            from_json(kind, record[name])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error!s:.200}") from None
    about = record["data"]
    names, classes, counts = (about.get(name) for name in ("names", "classes", "counts"))
    lists = all(isinstance(value, list) for value in (names, classes, counts))
    if not lists or not 0 < len(names) == len(classes) == len(counts):
        raise ValueError("data does not name its classes")
    if not all(isinstance(name, str) and name.isprintable() for name in names):
        raise ValueError("a class has no printable name")
    if not all(type(value) is int for value in (*classes, *counts, about.get("size"))):
        raise ValueError("classes, counts or size are no whole numbers")


def _check_line(line: Any) -> None:
    """Raise ValueError unless a line of the metrics holds a step and numbers."""
    if not isinstance(line, dict) or type(line.get("step")) is not int:
        raise ValueError("it has no step")
    for name, value in line.items():
        try:
            good = np.asarray(value).dtype.kind in "biuf"
        except ValueError:  # lists of unequal lengths
            good = False
        if not good:
            raise ValueError(f"{name!r:.60} is no array of numbers")


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
