"""The command ``diffjax``: one file per verb, and what has to be set before JAX is imported."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0: done. 2: bad input, nothing was computed. 3: some points failed. 130: interrupted.
    143: terminated (SIGTERM).

    Args:
        arguments: as typed, without the program's name; None takes them from the process.
    """
    from diffjax.cli import environment

    environment.prepare()

    from diffjax.cli.application import run

    return run(sys.argv[1:] if arguments is None else list(arguments))
