"""The U-Net: a training step against PyTorch, one thread each, and the search for neighbours.

    python -m benchmarks.unet_case [--quick] [--json FILE]

Both networks start from the same weights and see the same batches; their losses are compared over
20 Adam steps before anything is timed.  Rounds go A B A B in one process that is pinned to one
core; ratios are medians over the rounds, in CPU time.
"""

import functools
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from benchmarks.standalone import Disagreement, run

STEPS = 20
SIZE = 28
LEARNING_RATE = 1e-3
TO_REACH = 0.8
LOSS_TOLERANCE = 1e-3
ROUNDS = 7


def step_rows(batch_size: int, rounds: int, width: int) -> list:
    """One training step of both, after 20 steps that agree."""
    from benchmarks.report import against, agreement, measured

    ours, peer = _contenders(batch_size, width)
    first, second = ours["losses"](), peer["losses"]()
    worst = max(abs(a - b) / b for a, b in zip(first, second, strict=True))
    if worst > LOSS_TOLERANCE:
        raise Disagreement(f"losses over {STEPS} steps differ by {worst:.1e}")
    times = [[_cpu(contender["step"]) for contender in (ours, peer)] for _ in range(rounds)]
    ratios = [b / a for a, b in times]
    case = f"U-Net step, batch {batch_size}"
    mine, theirs = ([1e3 * s for s in column] for column in zip(*times, strict=True))
    return [
        agreement(case, f"largest relative difference of losses over {STEPS} steps", worst),
        measured(case, "diffjax, one thread", mine, "ms", note=f"{ours['parameters']} parameters"),
        measured(case, "PyTorch, one thread", theirs, "ms"),
        against(case, "speed of PyTorch's, CPU time", ratios, TO_REACH, ratio="unet"),
    ]


def _contenders(batch_size: int, width: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Losses of 20 steps and a step to time, for both."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax
    import torch
    from flax import nnx

    from benchmarks.peers import torch_unet
    from diffjax.unet.config import NetworkConfig
    from diffjax.unet.gradient import Predictor, chunked_gradient
    from diffjax.unet.network import UNet, num_parameters
    from diffjax.unet.objective import denoising_loss, diffused

    config = NetworkConfig(width=width)
    network = UNet(config, SIZE)
    definition, weights = nnx.split(network, nnx.Param)
    rng = np.random.default_rng(0)
    shape = (STEPS, batch_size, SIZE, SIZE, 1)
    images, noise = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
    times = rng.uniform(0.05, 2.0, shape[:2]).astype(np.float32)
    seen = [diffused(images[i], times[i], noise[i]) for i in range(STEPS)]
    optimizer = optax.adam(LEARNING_RATE)
    predict = Predictor(definition, class_conditional=False)
    labels = jnp.zeros(batch_size, jnp.int32)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def apply(parameters, state, gradient):
        update, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, update), state

    def step(parameters, state, x, t, xi):
        return apply(parameters, state, chunked_gradient(predict, parameters, x, t, xi, labels))

    @jax.jit
    def loss_of(parameters, x, t, xi):
        return denoising_loss(predict, parameters, x, t, xi).mean()

    held: dict[str, Any] = {}

    def ours(number):
        parameters, state = held["ours"]
        held["ours"] = step(parameters, state, images[number], times[number], noise[number])
        return jax.block_until_ready(held["ours"])

    def our_losses():
        start = jax.tree.map(lambda w: w.copy(), weights)
        held["ours"], losses = (start, optimizer.init(start)), []
        for number in range(STEPS):
            parameters = held["ours"][0]
            losses.append(float(loss_of(parameters, images[number], times[number], noise[number])))
            ours(number)
        return losses

    peer = torch_unet.TorchUNet(
        width, config.multipliers, config.blocks, config.groups, config.embedding
    )
    flat = nnx.to_flat_state(weights)
    torch_unet.load_weights(peer, {path: np.asarray(value[...]) for path, value in flat})
    peer.to(memory_format=torch.channels_last)
    torch_unet.threads(1)
    batches = [
        (
            torch.from_numpy(np.array(seen[i]).transpose(0, 3, 1, 2)),
            torch.from_numpy(times[i]),
            torch.from_numpy(noise[i].transpose(0, 3, 1, 2)),
        )
        for i in range(STEPS)
    ]
    trainer = torch_unet.Training(peer, LEARNING_RATE)
    return (
        {
            "losses": our_losses,
            "step": lambda: ours(0),
            "parameters": num_parameters(network),
        },
        {
            "losses": lambda: [trainer.step(*batch) for batch in batches],
            "step": lambda: trainer.step(*batches[0]),
        },
    )


def neighbour_rows(count: int, queries: int) -> list:
    """Two nearest of `count` images for some queries, against one matrix product of that size."""
    import jax
    import numpy as np

    from benchmarks.report import Row
    from diffjax.unet.neighbours import nearest

    rng = np.random.default_rng(0)
    references = rng.standard_normal((count, SIZE**2), dtype=np.float32)
    wanted = references[:queries] + np.float32(0.1)
    found = nearest(wanted, references)
    if not np.array_equal(found.index[:, 0], np.arange(queries)):
        raise Disagreement("a neighbour is not the image that was disturbed")
    product = jax.jit(lambda a, b: (a @ b.T).sum())
    jax.block_until_ready(product(wanted, references))
    search = min(_cpu(lambda: nearest(wanted, references)) for _ in range(3))
    limit = min(_cpu(lambda: jax.block_until_ready(product(wanted, references))) for _ in range(3))
    case = f"neighbours of {queries} among {count} images"
    return [
        Row(case, "search, CPU time", search, "s"),
        Row(case, "the matrix product alone", limit, "s"),
        Row(case, "share of the search", limit / search),
    ]


def _cpu(call: Callable[[], Any]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def measure(quick: bool) -> list:
    """All rows, on one core."""
    # before any import that starts a thread pool: pools size themselves by the affinity
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    rows = []
    if find_spec("torch") is None:
        print("PyTorch is not installed: pip install '.[bench]'", file=sys.stderr)
        sizes = ()
    else:
        sizes = (4,) if quick else (32, 128)
    for batch_size in sizes:
        rows += step_rows(batch_size, 3 if quick else ROUNDS, 8 if quick else 16)
    return rows + neighbour_rows(*((2000, 10) if quick else (60_000, 256)))


if __name__ == "__main__":
    sys.exit(run("benchmarks.unet_case", __doc__, measure, devices=1))
