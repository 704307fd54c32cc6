"""Files that changed on disk: found by their checksum, named, never used, computed again."""

from collections.abc import Callable
from pathlib import Path

from tests.faults.models import BATCH, POINTS
from tests.faults.sessions import look, wrong_points
from tests.faults.tally import Bench, Tally, done_at_start

Damage = Callable[[Path, Bench], None]


def _flip(path: Path, bench: Bench) -> None:
    content = bytearray(path.read_bytes())
    content[bench.rng.randrange(len(content))] ^= 1 << bench.rng.randrange(8)
    path.write_bytes(content)


def _cut(path: Path, bench: Bench) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: bench.rng.randrange(len(content))])


def _zero(path: Path, bench: Bench) -> None:
    """What a file system may leave of a file after a loss of power."""
    path.write_bytes(bytes(path.stat().st_size))


def _remove(path: Path, bench: Bench) -> None:
    path.unlink()


def chunks(bench: Bench) -> Tally:
    """One to three chunks of a finished run: a flipped bit, cut, zeros, removed."""
    tally = Tally("chunks: flipped bit, cut short, zeros, removed")
    ways: tuple[Damage, ...] = (_flip, _flip, _cut, _zero, _remove)
    while tally.faults < bench.count(180):
        name = "comb" if tally.runs % 4 == 1 else "ladder"
        folder = _finished(bench, name)
        files = bench.rng.sample(_chunks(folder), bench.rng.randrange(1, 4))
        hit = {(path.relative_to(folder).parts[1], _batch(path)) for path in files}
        for path in files:
            bench.rng.choice(ways)(path, bench)
        rows = 1 if name == "ladder" else BATCH
        _check(bench, folder, name, tally, files, rows * len(hit))
        tally.faults += len(files)
    return tally


def metadata(bench: Bench) -> Tally:
    """A flipped bit or a cut in zarr.json, in the sums, in run.json or its copy."""
    tally = Tally("zarr.json, sums, run.json: flipped bit, cut short")
    while tally.faults < bench.count(90):
        folder = _finished(bench, "ladder")
        files = sorted(folder.rglob("zarr.json")) + sorted(folder.rglob("*.sha256"))
        files += [folder / "run.json", folder / "run.json.copy"] * 3
        path = bench.rng.choice(files)
        bench.rng.choice((_flip, _flip, _flip, _cut, _zero))(path, bench)
        _check(bench, folder, "ladder", tally, [path], None if "segments" in str(path) else 0)
        tally.faults += 1
    return tally


def _finished(bench: Bench, name: str) -> Path:
    folder = bench.new()
    if wrong_points(bench.session(folder, name)):
        raise RuntimeError("an undisturbed run differs from the reference")
    return folder


def _check(
    bench: Bench, folder: Path, name: str, tally: Tally, files: list[Path], points: int | None
) -> None:
    """Opening uses nothing that is damaged; the same command computes just that again.

    Damage to the metadata of a segment costs all its points, or none where it changes no meaning.
    """
    reference = bench.reference(name)
    opened = bench.start(look, folder, reference)
    tally.lost += wrong_points(opened)
    missing = opened.said("end")[0]["missing"]
    again = bench.finish(folder, tally, name)
    computed = POINTS - done_at_start(again)
    allowed = (0, POINTS) if points is None else (points,)
    if missing not in allowed or computed != missing:
        raise RuntimeError(f"{missing} points missing, {computed} computed again, not {allowed}")
    tally.recomputed += computed
    if missing or points == 0:
        _require_named(opened.said("end")[0]["warnings"], files)


def _require_named(warnings: list[str], files: list[Path]) -> None:
    """Every damaged file is named, except a status that is gone: that batch was never done."""
    text = "\n".join(warnings)
    for path in files:
        names = (str(path), str(path.parent.name), "SHA-256")
        gone = not path.exists() or "status" in path.parts
        others = [other for other in files if _batch(other) == _batch(path) and other != path]
        silent = path.name == "run.json.copy" or gone or others
        if not silent and not any(name in text for name in names):
            raise RuntimeError(f"{path} was damaged and not named in: {text}")


def _chunks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("c/**/*") if path.is_file())


def _batch(path: Path) -> str:
    """The number after ``c`` in the path of a chunk."""
    parts = path.parts
    return parts[parts.index("c") + 1] if "c" in parts else path.name
