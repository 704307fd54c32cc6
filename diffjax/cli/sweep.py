"""``diffjax sweep``: a study into a run folder, with its figures, verdicts and dataset."""

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from rich.console import Console

    from diffjax.studies.study import Study

DEFAULT_STUDY = "phase-diagram"


def sweep(
    study: str = DEFAULT_STUDY,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    devices: Literal["all"] | int = "all",
    batch_size: int | None = None,
    retry: Literal[
        "failed",
        "not_converged",
        "non_finite",
        "out_of_range",
        "coarse",
        "imprecise",
        "few_samples",
        "before_window",
        "not_reached",
    ]
    | None = None,
    cluster: str | None = None,
    figures: bool = True,
) -> int:
    """Compute a study into a run folder; the same command resumes it.

    The folder gets the points (segments/), one labelled file (dataset.nc with h5netcdf, else
    dataset.zarr), figures/, verdicts.json and summary.md. It can be interrupted at any moment,
    also by kill -9: finished batches are kept.

    Args:
        study: a bundled study (diffjax list studies) or a .toml file.
        out: run folder [runs/NAME OF THE STUDY].
        devices: how many devices compute: a number, or all (on CPU one device per core).
        batch_size: points computed and written together, over all devices [a few seconds of
            work].
        retry: also compute points again that have this status [none].
        cluster: compute on workers instead of here: local:4 (processes), slurm:8 (jobs), or the
            address of a Dask scheduler, tcp://host:port [no].
        figures: draw the figures at the end.
    """
    from diffjax.cli.run_folder import refuse_links
    from diffjax.cli.terminal import console
    from diffjax.studies.loading import load_study

    loaded = load_study(study)
    folder = out or Path("runs") / loaded.name
    refuse_links(folder)
    screen = console()
    start = time.perf_counter()
    with _workers(cluster, screen) as client:
        dataset = _compute(loaded, folder, screen, devices, batch_size, retry, client)
    computed = time.perf_counter() - start
    _report(loaded, dataset, folder, screen, figures)
    _print_end(screen, folder, dataset, computed, time.perf_counter() - start)
    return _exit_code(dataset)


@contextlib.contextmanager
def _workers(cluster: str | None, screen: "Console") -> "Iterator[Any]":
    """A client of the cluster, with a line that says where its dashboard is; None without one."""
    if cluster is None:
        yield None
        return
    from diffjax.sweep.cluster import open_cluster

    with open_cluster(cluster) as client:
        link = client.dashboard_link or "none"
        screen.print(f"workers: {cluster}, dashboard: {link}", markup=False)
        yield client


def _compute(
    study: "Study",
    folder: Path,
    screen: "Console",
    devices: str | int,
    batch_size: int | None,
    retry: str | None,
    client: Any,
) -> "xr.Dataset":
    import warnings

    from diffjax.cli.exit_codes import Interrupted
    from diffjax.cli.progress import ProgressBar
    from diffjax.sweep import FailedPointsWarning, find_model
    from diffjax.sweep import sweep as run_sweep

    screen.print(f"{study.title}\ninto {folder}", markup=False)
    progress = ProgressBar(screen)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FailedPointsWarning)  # listed at the end
            return run_sweep(
                find_model(study.model),
                study.problem,
                study.axes,
                folder,
                devices=devices if isinstance(devices, int) else None,
                batch_size=batch_size,
                retry=(retry,) if retry else (),
                options=study.options,
                progress=progress,
                provenance=study.provenance,
                cluster=client,
            )
    except KeyboardInterrupt:
        raise Interrupted(
            f"{progress.done} of {progress.total} points are kept in {folder}; "
            "the same command continues."
        ) from None


def _report(
    study: "Study", dataset: "xr.Dataset", folder: Path, screen: "Console", figures: bool
) -> None:
    """Write everything that belongs to a finished run, and print the summary."""
    from diffjax.cli.terminal import print_left_out, print_table, print_verdict
    from diffjax.studies import report
    from diffjax.studies.figures import draw_figures

    report.write_dataset(folder, dataset)
    verdicts = report.judge(study, dataset)
    summary = report.tables(study, dataset)
    report.write_verdicts(folder, study, verdicts)
    report.write_summary(folder, study, verdicts, summary)
    drawn = draw_figures(study, dataset, folder / "figures") if figures else None
    for table in summary:
        print_table(screen, table)
    for claim in study.claims:
        print_verdict(screen, claim, verdicts[claim.name])
    if drawn is not None:
        for path in drawn.files:
            screen.print(path, markup=False, highlight=False, soft_wrap=True)
        print_left_out(drawn.left_out)


def _print_end(
    screen: "Console", folder: Path, dataset: "xr.Dataset", computed: float, total: float
) -> None:
    from diffjax.cli.terminal import print_failures, seconds

    screen.print(
        f"\n{dataset['status'].size} points in {folder}: computed in {seconds(computed)}; "
        f"{_files(folder)} in {seconds(total - computed)}"
    )
    print_failures(dataset)


def _files(folder: Path) -> str:
    """What the folder holds besides the points."""
    wanted = ("dataset.nc", "dataset.zarr", "figures", "verdicts.json", "summary.md")
    held = (name for name in wanted if (folder / name).exists())
    return ", ".join(name for name in held if name != "figures" or any((folder / name).iterdir()))


def _exit_code(dataset: "xr.Dataset") -> int:
    from diffjax.cli.exit_codes import ExitCode
    from diffjax.sweep.dataset import failed_points

    return ExitCode.SOME_POINTS_FAILED if failed_points(dataset) else ExitCode.DONE
