"""The kinds of input, each with its generator and its check."""

from contextlib import nullcontext

from tests.fuzz import commands, data_files, folders, specs, toy, training_runs
from tests.fuzz.campaign import Outcome, fuzz

KINDS = {
    "specs": (specs.cases(), specs.check),
    "study files": (commands.studies(), commands.check_study),
    "command lines": (commands.commands, commands.check_command),
    "run folders": (folders.hostile, folders.check),
    "training runs": (training_runs.cases, training_runs.check),
    "data files": (data_files.cases, data_files.check),
}
_FOLDERS = {"run folders": folders, "training runs": training_runs}
_WITHOUT_TOY = ("specs", "run folders", "training runs", "data files")


def run(name: str, cases: int, chance: int) -> Outcome:
    """Try one kind of input."""
    strategy, check = KINDS[name]
    if name == "specs":
        specs.prepare()
    with nullcontext() if name in _WITHOUT_TOY else toy.installed():
        if name in _FOLDERS:
            _FOLDERS[name].prepare()
        try:
            return fuzz(name, strategy, check, cases, chance)
        finally:
            if name in _FOLDERS:
                _FOLDERS[name].forget()
