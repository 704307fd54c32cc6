"""The process of one contender: `python -m benchmarks.worker JSON`, driven over its pipes."""

import contextlib
import ctypes
import gc
import json
import os
import resource
import signal
import sys
import time
from pathlib import Path

STARTED = time.perf_counter()


def main() -> None:
    """Pin the cores, then import, prepare the job and answer messages until the pipe closes."""
    # Ctrl-C in a terminal reaches the whole group: the parent decides what becomes of a worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    task = json.loads(sys.argv[1])
    # before any import that starts a thread pool: pools size themselves by the affinity
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-task["cores"] :])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from benchmarks.jobs import make_job

    job = make_job(task["job"], **task["arguments"])
    start = {"start": time.perf_counter() - STARTED, "start_cpu": time.process_time()}
    _reply(replies, {**start, **getattr(job, "facts", {})})
    for line in sys.stdin:
        _reply(replies, _handle(job, json.loads(line)))
    getattr(job, "close", lambda: None)()


def _reply(stream, message: dict) -> None:
    print(json.dumps(message), file=stream, flush=True)


def _handle(job, message: dict) -> dict:
    if message["do"] == "run":
        return _timed(job)
    if message["do"] == "save":
        import numpy as np

        np.savez(message["path"], **job.answer(job.run()))
        return {}
    if message["do"] == "forget memory":
        return {"mib": _forget_peak()}
    return {"mib": _peak_memory()}


def _timed(job) -> dict:
    wall, cpu = time.perf_counter(), _cpu_seconds(job)
    job.run()
    return {"wall": time.perf_counter() - wall, "cpu": _cpu_seconds(job) - cpu}


def _cpu_seconds(job) -> float:
    """CPU seconds of all threads, plus what the job's own processes have reported."""
    return time.process_time() + getattr(job, "children_cpu", 0.0)


def _peak_memory() -> float:
    """MiB: the largest resident set since the last `_forget_peak`, or of a child."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return max(_status("VmHWM"), children)


def _forget_peak() -> float:
    """Start a new peak at the resident set of now, which is returned, in MiB."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        # freed memory that the C library keeps would hide what the next run takes
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # the peak stays that of the whole process
        return _status("VmHWM")
    return _status("VmRSS")


def _status(name: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(name)) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
