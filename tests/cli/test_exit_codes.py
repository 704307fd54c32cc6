"""Errors that the user can mend become one message and an exit code."""

import errno
import subprocess
import sys

import pytest

from diffjax.cli.exit_codes import ExitCode, Interrupted, exit_code
from diffjax.errors import InputError, PrecisionError, StoreMismatch


def raising(error):
    def verb():
        raise error

    return verb


def test_the_verb_chooses_its_exit_code():
    assert exit_code(lambda: None) == ExitCode.DONE
    assert exit_code(lambda: ExitCode.SOME_POINTS_FAILED) == 3


@pytest.mark.parametrize("kind", [InputError, PrecisionError, StoreMismatch])
def test_bad_input_says_what_was_got_what_is_allowed_and_what_to_do(kind, capsys):
    code = exit_code(raising(kind("dim=0", "dim is at least 1", "raise dim")))
    printed = capsys.readouterr()
    assert code == 2
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "diffjax: dim=0",
        "allowed: dim is at least 1",
        "to do:   raise dim",
    ]


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "finished points are kept"),
        (errno.EACCES, "--out"),
        (errno.ENOENT, "check the path"),
        (errno.EIO, "run the same command again"),
        (errno.ESTALE, "put it back"),
        (errno.ENXIO, "mend that"),
    ],
)
def test_faults_of_the_file_system_name_the_file_and_a_remedy(number, remedy, capsys):
    code = exit_code(raising(OSError(number, "fault", "runs/here")))
    message = capsys.readouterr().err
    assert code == 2
    assert message.startswith("diffjax: fault: runs/here\nallowed: ")
    assert remedy in message


@pytest.mark.parametrize(
    ("shell", "code", "message"),
    [
        ("list >&-", 2, "standard output is closed"),
        ("list >/dev/full", 2, "standard output cannot be written"),
        ("list | head -n 1", 0, ""),
    ],
)
def test_output_that_is_lost_is_told(shell, code, message):
    command = f"set -o pipefail; {sys.executable} -m diffjax.cli {shell}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120)
    assert ended.returncode == code and message in ended.stderr
    assert "finished points" not in ended.stderr and "Traceback" not in ended.stderr


def test_an_interruption_says_what_was_kept(capsys):
    assert exit_code(raising(Interrupted("3 of 8 points are kept"))) == 130
    assert "3 of 8 points are kept" in capsys.readouterr().err


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        exit_code(lambda: 1 // 0)
