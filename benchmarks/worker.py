"""The process of one contender: `python -m benchmarks.worker JSON`, driven over its pipes."""

import json
import os
import resource
import sys
import time

STARTED = time.perf_counter()


def main() -> None:
    """Pin the cores, then import, prepare the job and answer messages until the pipe closes."""
    task = json.loads(sys.argv[1])
    # before any import that starts a thread pool: pools size themselves by the affinity
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-task["cores"] :])
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from benchmarks.jobs import make_job

    job = make_job(task["job"], **task["arguments"])
    _reply(replies, {"start": time.perf_counter() - STARTED, **getattr(job, "facts", {})})
    for line in sys.stdin:
        _reply(replies, _handle(job, json.loads(line)))


def _reply(stream, message: dict) -> None:
    print(json.dumps(message), file=stream, flush=True)


def _handle(job, message: dict) -> dict:
    if message["do"] == "run":
        return _timed(job)
    if message["do"] == "save":
        import numpy as np

        np.savez(message["path"], **job.answer(job.run()))
        return {}
    return {"mib": _peak_memory()}


def _timed(job) -> dict:
    wall, cpu = time.perf_counter(), _cpu_seconds(job)
    job.run()
    return {"wall": time.perf_counter() - wall, "cpu": _cpu_seconds(job) - cpu}


def _cpu_seconds(job) -> float:
    """CPU seconds of all threads, plus what the job's own processes have reported."""
    return time.process_time() + getattr(job, "children_cpu", 0.0)


def _peak_memory() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024


if __name__ == "__main__":
    main()
