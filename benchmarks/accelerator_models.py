"""The other models on one device: theory, screening, spectrum, speciation and the U-Net."""

import dataclasses
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from benchmarks.accelerator_device import wall_seconds
from benchmarks.report import Row

SIZE = 28


def sweep_rows(case: str, model: Any, problem: Any, over: dict[str, Any]) -> list[Row]:
    """A grid through the sweep engine, twice; the second time nothing is compiled."""
    import numpy as np

    from diffjax.status import FAILURES
    from diffjax.sweep.run import sweep

    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        dataset = sweep(model, problem, over)
        seconds.append(time.perf_counter() - start)
    count = dataset["status"].size
    failed = int(np.isin(dataset["status"], [int(status) for status in FAILURES]).sum())
    return [
        Row(case, "points per second", count / seconds[1], "1/s", note=f"{count} points"),
        Row(case, "first run beyond a later one", seconds[0] - seconds[1], "s"),
        Row(case, "share of failed points", failed / count),
    ]


def _map(side: int, second: str, low: float, high: float) -> dict[str, Any]:
    import numpy as np

    return {
        "imbalance_ratio": np.geomspace(1 / 9, 9.0, side),
        second: np.linspace(low, high, side),
    }


def theory_rows(side: int, every: int = 1) -> list[Row]:
    """Curves and times of the limit over a map of side x side points, at every so many times."""
    import numpy as np

    from benchmarks.theory_case import problem
    from diffjax.asymptotics.model import asymptotic_dynamics
    from diffjax.asymptotics.problem import training_times

    point = problem(1)
    times = np.asarray(training_times(point))[::every]
    point = dataclasses.replace(point, training_times=times)
    case = f"theory, {side}x{side}, {len(times)} times"
    return sweep_rows(case, asymptotic_dynamics, point, _map(side, "stds[0]", 0.7, 2.0))


def screening_rows(side: int) -> list[Row]:
    """The reduced models over a map of side x side points."""
    from benchmarks.theory_case import problem
    from diffjax.asymptotics.model import screening

    over = _map(side, "stds[0]", 0.7, 2.0)
    return sweep_rows(f"screening, {side}x{side}", screening, problem(1), over)


def spectrum_rows(side: int) -> list[Row]:
    """400 eigenvalues of the limiting spectrum of one class, over a map of side x side points."""
    import numpy as np

    from benchmarks.spectrum_case import cases
    from diffjax.asymptotics.spectrum.model import asymptotic_spectrum

    over = {
        "diffusion_time": np.geomspace(0.01, 0.03, side),
        "samples_per_dim": np.linspace(4.0, 8.0, side),
    }
    return sweep_rows(f"spectrum, {side}x{side}", asymptotic_spectrum, cases()["K=1"], over)


def speciation_rows(side: int) -> list[Row]:
    """Speciation over a phase map of side x side points."""
    from diffjax.backward.model import speciation
    from diffjax.backward.problem import SpeciationProblem
    from diffjax.mixture import two_classes

    problem = SpeciationProblem(
        two_classes((1.3, 1.0)), 1000, diffusion_times=[1.0, 2.0, 3.0], num_overlaps=3
    )
    over = _map(side, "distance", 0.06, 2.0)
    return sweep_rows(f"speciation, {side}x{side}", speciation, problem, over)


def network_rows(
    batch_size: int, width: int, precisions: Sequence[Any] = ("float32", "bfloat16")
) -> list[Row]:
    """Images per second of training steps of the U-Net, in 32 and 16 bits."""
    if find_spec("flax") is None:
        return [Row("U-Net", "not measured", 0.0, note="flax is not installed")]
    rows = []
    for precision in precisions:
        rows += _step_rows(batch_size, width, precision)
    return rows


def _step_rows(batch_size: int, width: int, precision: Any) -> list[Row]:
    """Steps that follow one another without being waited for one by one, as in training."""
    import functools

    import jax
    import numpy as np
    import optax
    from flax import nnx

    from diffjax.unet.config import NetworkConfig
    from diffjax.unet.gradient import Predictor, chunked_gradient
    from diffjax.unet.network import UNet, num_parameters

    network = UNet(NetworkConfig(width=width, precision=precision), SIZE)
    definition, weights = nnx.split(network, nnx.Param)
    predict, optimizer = Predictor(definition, class_conditional=False), optax.adam(1e-3)
    rng = np.random.default_rng(0)
    shape = (batch_size, SIZE, SIZE, 1)
    images, noise = (jax.device_put(rng.standard_normal(shape, np.float32)) for _ in range(2))
    times = jax.device_put(rng.uniform(0.05, 2.0, batch_size).astype(np.float32))
    labels = jax.device_put(np.zeros(batch_size, np.int32))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def apply(parameters: Any, state: Any, gradient: Any) -> Any:
        update, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, update), state

    held: list[Any] = [weights, optimizer.init(weights)]
    steps = 10

    def train() -> Any:
        for _ in range(steps):
            gradient = chunked_gradient(predict, held[0], images, times, noise, labels)
            held[:] = apply(held[0], held[1], gradient)
        return held[0]

    start = time.perf_counter()
    jax.block_until_ready(train())
    first = time.perf_counter() - start
    seconds = wall_seconds(train, rounds=3) / steps
    case, note = f"U-Net {precision}, batch {batch_size}", f"{num_parameters(network)} parameters"
    rows = [
        Row(case, "images per second, training", batch_size / seconds, "1/s", note=note),
        Row(case, "first steps beyond later ones", first - steps * seconds, "s"),
    ]
    flops = _flops(predict, weights_of(held[0]), images, times, noise, labels)
    if flops:
        rows.append(Row(case, "operations per second", flops / seconds / 1e12, "TF/s"))
    return rows


def weights_of(parameters: Any) -> Any:
    """Shapes of the parameters: what compiling needs of them."""
    import jax

    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), parameters)


def _flops(predict: Any, parameters: Any, *batch: Any) -> float:
    """Operations of one gradient as the compiler counts them; 0 if it does not."""
    import jax

    from diffjax.unet.objective import denoising_loss

    images, times, noise, _ = batch

    def loss(weights: Any) -> Any:
        return denoising_loss(predict, weights, images, times, noise).mean()

    counted = jax.jit(jax.grad(loss)).lower(parameters).cost_analysis()
    return float(counted.get("flops", 0.0)) if isinstance(counted, dict) else 0.0
