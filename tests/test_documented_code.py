"""The Python blocks of the README and of docs/*.md run, with small numbers for large ones."""

import re
from pathlib import Path

import numpy as np
import pytest

import diffjax as dj
from tests.docstring_data import tiny_problem

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`print\((dj\.class_order\(.*?\))\)`", re.DOTALL)
SMALLER = {
    "dim=4096, num_features=16384, num_samples=8192": "dim=8, num_features=16, num_samples=16",
    "dim=32, num_features=256, num_samples=128": "dim=8, num_features=16, num_samples=16",
    "np.linspace(0, 2, 5)": "np.linspace(0, 2, 2)",
    "np.geomspace(1/9, 9, 5)": "np.geomspace(1/9, 9, 2)",
    "width=16, multipliers=(1, 2)": "width=4, multipliers=(1,), groups=2, embedding=4",
    "counts=(64, 16), seed=0, shrink=2": "counts=(12, 4), seed=0",
    "steps=200": "steps=3, batch_size=8",
    "EvaluationConfig(samples=64)": "EvaluationConfig(diffusion_times=(0.1, 0.5), images=8, "
    "samples=8, sampling_steps=3, examples=2)",
    "samples=256": "samples=8",
    'open_cluster("slurm:16")': 'open_cluster("local:1")',
}
"""What would take minutes, and what takes its place."""

SLOW = {"README.md-0", "cluster.md-0", "fashion-mnist.md-0"}
ELSEWHERE = {"sharding.md-1": "tests/sharded"}
"""Blocks that need several processes, and the tests of the same calls."""


def blocks() -> dict[str, str]:
    """All blocks by the name of the file and their number."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {
        f"{path.name}-{number}": block
        for path in files
        for number, block in enumerate(BLOCK.findall(path.read_text("utf-8")))
    }


BLOCKS = blocks()
RUN = [
    pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
    for name in BLOCKS
    if name not in ELSEWHERE
]


@pytest.mark.parametrize("name", RUN)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"dj": dj, "np": np, "problem": tiny_problem()}
    source = BLOCKS[name].replace('"/shared/', f'"{tmp_path}/')
    for large, small in SMALLER.items():
        source = source.replace(large, small)
    if name.startswith("cluster"):
        from diffjax.sweep.cluster import open_cluster

        given |= {"open_cluster": open_cluster, "over": {"distance": [0.5, 1.0]}}
    if name.startswith("fashion"):
        from tests.unet.digits import digit_images

        monkeypatch.setattr("diffjax.unet.load_fashion_mnist", digit_images)
    exec(compile(source, name, "exec"), given)


def test_every_block_is_run_here_or_elsewhere():
    assert {*SLOW, *ELSEWHERE} <= set(BLOCKS)
    assert all((ROOT / place).exists() for place in ELSEWHERE.values())
    text = "".join(BLOCKS.values())
    assert [large for large in SMALLER if large not in text] == []


def test_the_order_of_own_data_is_found_in_seconds():
    (call,) = INLINE.findall((ROOT / "README.md").read_text("utf-8"))
    samples = np.random.default_rng(0).normal(size=(120, 8)) * np.repeat([[1.0], [2.0]], 60, axis=0)
    given = {"dj": dj, "samples": samples, "labels": np.repeat(["narrow", "wide"], 60)}
    assert eval(call, given).generalization.classes[0] == "wide"


def test_blocks_are_valid_where_they_are_not_run():
    for name in ELSEWHERE:
        compile(BLOCKS[name], name, "exec")
