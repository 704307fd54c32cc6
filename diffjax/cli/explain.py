"""``diffjax explain``: what a study would cost."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

if TYPE_CHECKING:
    from diffjax.studies.study import Study
    from diffjax.sweep import Explanation

DEFAULT_STUDY = "phase-diagram"


def explain(
    study: str = DEFAULT_STUDY,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    devices: Literal["all"] | int = "all",
    batch_size: int | None = None,
) -> int:
    """Say what a study would compute, and what it would cost; compute and write nothing.

    Args:
        study: a bundled study (diffjax list studies) or a .toml file.
        out: run folder whose finished points count as done [runs/NAME OF THE STUDY].
        devices: how many devices compute: a number, or all (on CPU one device per core).
        batch_size: points computed and written together, over all devices [a few seconds of
            work].
    """
    from diffjax.cli.terminal import console, print_entry
    from diffjax.studies.loading import load_study
    from diffjax.sweep import explain as explain_sweep
    from diffjax.sweep import find_model

    loaded = load_study(study)
    explanation = explain_sweep(
        find_model(loaded.model),
        loaded.problem,
        loaded.axes,
        out or Path("runs") / loaded.name,
        devices=devices if isinstance(devices, int) else None,
        batch_size=batch_size,
        options=loaded.options,
    )
    screen = console()
    print_entry(screen, loaded.name, loaded.title, _facts(explanation, loaded))
    return 0


def _facts(explanation: "Explanation", study: "Study") -> list[tuple[str, str]]:
    """The cost line by line, then the claims with their grids."""
    costs = [line.split("  ", maxsplit=1) for line in str(explanation).splitlines()]
    claims = [("checks", f"{claim.statement} On: {claim.grid}.") for claim in study.claims]
    return [*((name, text.strip()) for name, text in costs), *claims]
