"""The kinds of input, each with its generator and its check."""

from contextlib import nullcontext

from tests.fuzz import commands, folders, specs, toy
from tests.fuzz.campaign import Outcome, fuzz

KINDS = {
    "specs": (specs.cases(), specs.check),
    "study files": (commands.studies(), commands.check_study),
    "command lines": (commands.commands, commands.check_command),
    "run folders": (folders.hostile, folders.check),
}


def run(name: str, cases: int, chance: int) -> Outcome:
    """Try one kind of input."""
    strategy, check = KINDS[name]
    if name == "specs":
        specs.prepare()
    with nullcontext() if name in ("specs", "run folders") else toy.installed():
        if name == "run folders":
            folders.prepare()
        try:
            return fuzz(name, strategy, check, cases, chance)
        finally:
            if name == "run folders":
                folders.forget()
