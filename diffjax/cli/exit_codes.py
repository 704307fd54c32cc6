"""Exit codes, and the one place where errors turn into them."""

import contextlib
import enum
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

from diffjax.errors import InputError


class ExitCode(enum.IntEnum):
    """What the command returns to the shell."""

    DONE = 0
    BAD_INPUT = 2
    SOME_POINTS_FAILED = 3
    INTERRUPTED = 130
    TERMINATED = 143


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a sentence that says what was kept and how to go on."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: a batch system or the machine wants its place back."""


def exit_code(verb: Callable[[], int | None]) -> int:
    """Run a verb; errors that the user can mend become one message and an exit code.

    SIGTERM ends the verb as Ctrl-C does: the batch at hand is abandoned, finished ones are kept.
    Any other exception is a fault of the program and keeps its traceback.
    """
    if sys.stdout is None:  # closed by  diffjax list >&-
        return _refuse(
            "standard output is closed\nallowed: somewhere to print to\n"
            "to do:   send it to a file or to /dev/null"
        )
    try:
        with _terminable():
            code = int(verb() or ExitCode.DONE)
            sys.stdout.flush()
            return code
    except BrokenPipeError:  # the reader of our output has left, as in  diffjax list | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except InputError as error:
        return _refuse(f"{error.got}\nallowed: {error.allowed}\nto do:   {error.remedy}")
    except OSError as error:
        if _is_output_lost(error):
            return _refuse(_OUTPUT_LOST.format(error.strerror or error))
        return _refuse(_describe(error))
    except (RuntimeError, AssertionError):
        if (fault := _backend_fault()) is None:
            raise
        return _refuse(fault)
    except KeyboardInterrupt as interruption:
        by = (interruption, interruption.__context__)
        terminated = any(isinstance(error, Terminated) for error in by)
        word = "terminated" if terminated else "interrupted"
        print(f"\n{word}. {interruption}".rstrip(), file=sys.stderr)
        return ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED


_OUTPUT_LOST = (
    "standard output cannot be written: {}\nallowed: a file or terminal with room\n"
    "to do:   send the output somewhere else; files of results are not concerned"
)


def _is_output_lost(error: OSError) -> bool:
    """Whether it was printing that failed; what is still in the buffer is then thrown away.

    Errors of files name the file.
    """
    lost = error.filename is None and error.errno in (errno.ENOSPC, errno.EIO, errno.EBADF)
    if lost:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return lost


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """While this lasts, SIGTERM raises `Terminated` in the main thread."""

    def terminate(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # a second one must not stop the tidying up
        raise Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse(message: str) -> int:
    print(f"diffjax: {message}", file=sys.stderr)
    return ExitCode.BAD_INPUT


_REMEDIES = {
    errno.ENOSPC: (
        "the disk needs room for the results",
        "free some space and run the same command again; finished points are kept",
    ),
    errno.EDQUOT: (
        "the quota must leave room for the results",
        "free some space and run the same command again; finished points are kept",
    ),
    errno.EACCES: (
        "files must be readable and the output folder writable",
        "choose another folder with --out, or change the permissions",
    ),
    errno.EROFS: ("the output folder must be writable", "choose another folder with --out"),
    errno.ESTALE: (
        "a run folder stays where it is while a sweep computes into it",
        "put it back, or run the same command again",
    ),
    errno.EIO: (
        "results stay as they were written",
        "run the same command again; finished points are kept",
    ),
    errno.ENOENT: ("the file or folder must exist", "check the path"),
    errno.ENOTDIR: ("every part of the path but the last is a folder", "check the path"),
    errno.EISDIR: ("a file, not a folder", "check the path"),
}


def _backend_fault() -> str | None:
    """What to do where JAX finds no device of the platforms that the user chose; else None."""
    import jax

    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # the latter where a plugin is missing
        chosen = os.environ.get("JAX_PLATFORMS", "")
        reason = str(error).partition(". (set")[0].strip() or "no such device was found"
        return (
            f"JAX cannot start on JAX_PLATFORMS={chosen!r}: {reason:.300}\n"
            "allowed: a platform that JAX finds on this machine\n"
            "to do:   unset JAX_PLATFORMS or set it to cpu, or install JAX for the accelerator"
        )
    return None


def _describe(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    place = f": {error.filename}" if error.filename else ""
    allowed, remedy = _REMEDIES.get(
        error.errno or 0, ("the operating system must allow it", "mend that and run again")
    )
    return f"{what}{place}\nallowed: {allowed}\nto do:   {remedy}"
