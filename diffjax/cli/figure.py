"""``diffjax figure``: the figures of a run once more."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter


def figure(
    run: Path,
    /,
    *,
    format: Literal["png", "pdf", "both"] = "both",
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> int:
    """Draw the figures of a run again, finished or not; points to come are left blank.

    A run whose study names no figures, or that was made without a study, gets those that fit its
    grid: maps over two axes, times along one, curves of a point.

    Args:
        run: run folder.
        format: png (300 dots per inch), pdf, or both.
        out: folder for the figures [RUN/figures].
    """
    from diffjax.cli.exit_codes import ExitCode
    from diffjax.cli.run_folder import refuse_links
    from diffjax.cli.terminal import print_left_out
    from diffjax.studies.figures import FORMATS, draw_figures
    from diffjax.studies.loading import study_of_run
    from diffjax.sweep import open_run

    dataset = open_run(run)
    if out is None:
        refuse_links(run)
    study = study_of_run(dataset) if dataset.attrs.get("study") else None
    formats = FORMATS if format == "both" else (format,)
    drawn = draw_figures(study, dataset, out or run / "figures", formats)
    for path in drawn.files:
        print(path)
    print_left_out(drawn.left_out)
    return ExitCode.BAD_INPUT if drawn.left_out else ExitCode.DONE
