"""The table of verbs. Each is imported when it is called, so that ``--help`` stays light."""

from collections.abc import Sequence

from cyclopts import App, CycloptsError

from diffjax.cli.exit_codes import ExitCode, exit_code

_VERBS = {
    "solve": "Compute one point and print its per-class times and losses.",
    "explain": "Say what a study would compute, and what it would cost; compute nothing.",
    "sweep": "Compute a study into a run folder; the same command resumes it.",
    "status": "Say how far a run is and which points failed.",
    "figure": "Draw the figures of a run again.",
    "unet": "Train a U-Net on classes of images, sample from it, measure it.",
    "list": "List models, studies, or the fields of a model.",
    "info": "Print versions, devices and numerical settings.",
    "cite": "Print BibTeX for the theory and the software.",
}

_DESCRIPTION = """Training dynamics of diffusion models on heterogeneous and imbalanced data.

Exact per-class generalisation and memorisation times of a random-feature score model.
`diffjax sweep` computes the phase diagram into runs/phase-diagram.
"""


def _installed_version() -> str:
    import importlib.metadata

    return importlib.metadata.version("diffjax")


def build() -> App:
    """The application with all its verbs."""
    app = App(
        name="diffjax",
        help=_DESCRIPTION,
        version=_installed_version,
        exit_on_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for verb, summary in _VERBS.items():
        place = "listing" if verb == "list" else verb  # a module "list" would hide the built-in
        app.command(f"diffjax.cli.{place}:{place}", name=verb, help=summary)
    return app


def run(arguments: Sequence[str]) -> int:
    """Parse the arguments, call the verb and return the exit code."""
    try:
        return exit_code(lambda: build()(list(arguments)))
    except CycloptsError:  # already printed
        return ExitCode.BAD_INPUT
