"""Two processes of two devices each, joined by jax.distributed, against the eigenbasis on one."""

import socket
import subprocess
import sys

import pytest

from tests.sharded.test_mesh import ENVIRONMENT, ROOT, assert_agrees

LIMIT = 120
"""Seconds after which processes that wait for each other are ended."""


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return f"localhost:{probe.getsockname()[1]}"


def _start(result: str, process: int, address: str) -> subprocess.Popen:
    words = [
        "-m",
        "tests.sharded.on_mesh",
        result,
        "2",
        "two classes:all",
        "--of",
        "2",
        str(process),
    ]
    return subprocess.Popen(
        [sys.executable, *words, address],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_find_the_same_as_one_device(tmp_path):
    address = _free_address()
    running = [_start(str(tmp_path / f"process{i}"), i, address) for i in range(2)]
    try:
        printed = [process.communicate(timeout=LIMIT)[0] for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    assert [process.returncode for process in running] == [0, 0], "\n".join(printed)
    for i in range(2):
        assert_agrees(tmp_path / f"process{i}-two classes-all.npz", "two classes")
