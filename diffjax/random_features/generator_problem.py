"""What is trained at every diffusion time, and how samples are generated from it."""

from typing import Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from diffjax.diffusion import noise_variance
from diffjax.errors import InputError
from diffjax.mixture import GaussianMixture, Mixture
from diffjax.numerics.activations import Activation, resolve_activation
from diffjax.random_features.options import CovarianceOptions
from diffjax.random_features.problem import RandomFeatureProblem
from diffjax.random_features.sampling import class_counts
from diffjax.samplers import MOST_SIGNAL, Method, log_snr_times
from diffjax.spec import Spec
from diffjax.training_window import check_training_times
from diffjax.typing import Array, Float, Int
from diffjax.validation import (
    check_count,
    check_vector,
    concrete,
    integer_leaf,
    numbers,
    whole_number,
)

Sampler = Literal["sde", "ode"]
Clock = Literal["training_time", "scaled"]

METHODS: dict[Sampler, Method] = {"sde": "ancestral", "ode": "ddim"}
"""Methods of `diffjax.samplers` behind the names."""

CLOCKS = ("training_time", "scaled")
_DEFAULT_TIMES = 0.2 * 10.0 ** np.linspace(0.0, 8.0, 13)


class GeneratorProblem(Spec):
    """A generative model: one random-features score model per diffusion time, and its samples.

    All diffusion times share training samples, W and beta.  Samples are generated backwards from
    pure noise; the last step denoises at the smallest diffusion time.

    Copies of training samples need one affine map per sample, **num_features of at least
    4 num_samples dim**: with fewer the model memorises in its losses while its samples do not
    show it.  That is a regime of small dim; in the proportional limit (p, n, d to infinity at
    fixed ratios) copies vanish.  The stochastic sampler and a grid of diffusion times that goes
    down to 0.01 show copies earliest; an odd activation needs biases, since without them half of
    the samples lie at -mu_c.

    Args:
        mixture: isotropic classes (`two_classes` or `GaussianMixture` with `stds`).
        dim: d, static.
        num_features: p, static.
        num_samples: n, static; every class gets two or more of them.
        activation: as in `RandomFeatureProblem`, static.
        training_times: (T,) increasing values of the clock.  Default: 13 over eight decades, from
            0.2/Delta at the smallest diffusion time, and from 0.2 on the scaled clock.
        seed: of all draws.
        class_weights: (K,) as in `RandomFeatureProblem`.
        bias_std: standard deviation of the feature biases.
        diffusion_times: (N,) falling times of the models and of the sampler.  Default:
            `log_snr_times(num_diffusion_times)`, from 3.5 to 0.01.
        num_diffusion_times: N of the default grid, static.  24 is good for a look; 96 moves times
            of copying by up to a factor 2.5 and not their order.
        num_generated: samples per training time, static.
        sampler: "sde" (ancestral steps) or "ode" (exponential steps of the probability flow),
            static.
        clock: what all diffusion times have in common, static.  "training_time": tau, the same
            number of steps at one learning rate.  "scaled": Delta_t tau, a learning rate
            proportional to 1/Delta_t; `training_times` and all times found are then Delta_t tau.
        covariance_options: truncation of the exact series, static.

    Raises:
        InputError: values out of range, a class with fewer than two samples, anisotropic classes,
            diffusion times that do not fall from near noise.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> mixture = two_classes(stds=(1.5, 1.0), distance=8**0.5)
        >>> problem = GeneratorProblem(mixture, dim=8, num_features=512, num_samples=16)
        >>> problem.num_classes, diffusion_times(problem).shape
        (2, (24,))
    """

    mixture: Mixture
    dim: int = eqx.field(static=True, converter=whole_number)
    num_features: int = eqx.field(static=True, converter=whole_number)
    num_samples: int = eqx.field(static=True, converter=whole_number)
    activation: Activation = eqx.field(static=True, converter=resolve_activation, default="tanh")  # pyright: ignore[reportAssignmentType]
    training_times: Float[Array, " training_time"] | None = eqx.field(
        converter=numbers("training_times"), default=None
    )
    seed: Int[Array, ""] = eqx.field(converter=integer_leaf, default=0)  # pyright: ignore[reportAssignmentType]
    class_weights: Float[Array, " class"] | None = eqx.field(
        converter=numbers("class_weights"), default=None
    )
    bias_std: Float[Array, ""] = eqx.field(converter=numbers("bias_std"), default=1.0)  # pyright: ignore[reportAssignmentType]
    diffusion_times: Float[Array, " diffusion_time"] | None = eqx.field(
        converter=numbers("diffusion_times"), default=None
    )
    num_diffusion_times: int = eqx.field(static=True, converter=whole_number, default=24)
    num_generated: int = eqx.field(static=True, converter=whole_number, default=400)
    sampler: Sampler = eqx.field(static=True, default="sde")
    clock: Clock = eqx.field(static=True, default="training_time")
    covariance_options: CovarianceOptions = eqx.field(static=True, default=CovarianceOptions())

    def __check_init__(self):
        check_count("num_generated", self.num_generated, minimum=2)
        check_count("num_diffusion_times", self.num_diffusion_times, minimum=2)
        _check_choice("sampler", self.sampler, tuple(METHODS))
        _check_choice("clock", self.clock, CLOCKS)
        if concrete(self):
            _check_leaves(self)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.mixture.num_classes

    def at(self, diffusion_time: Float[Array, ""]) -> RandomFeatureProblem:
        """What is trained at one diffusion time."""
        return RandomFeatureProblem(
            self.mixture,
            self.dim,
            self.num_features,
            self.num_samples,
            diffusion_time,
            activation=self.activation,
            seed=self.seed,
            class_weights=self.class_weights,
            bias_std=self.bias_std,
            covariance_options=self.covariance_options,
        )


def diffusion_times(problem: GeneratorProblem) -> Float[Array, " diffusion_time"]:
    """(N,) the problem's falling diffusion times, or the default ones."""
    if problem.diffusion_times is not None:
        return jnp.asarray(problem.diffusion_times)
    return log_snr_times(problem.num_diffusion_times)


def clock_rate(
    problem: GeneratorProblem, diffusion_time: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Advance of the clock per unit of training time tau: 1, or Delta_t on the scaled clock."""
    noise = noise_variance(diffusion_time)
    return noise if problem.clock == "scaled" else jnp.ones_like(noise)


def clock_times(problem: GeneratorProblem) -> Float[Array, " training_time"]:
    """(T,) the problem's values of the clock, or the default ones."""
    if problem.training_times is not None:
        return jnp.asarray(problem.training_times)
    last = diffusion_times(problem)[-1]
    return jnp.asarray(_DEFAULT_TIMES) * clock_rate(problem, last) / noise_variance(last)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r}", f"one of {', '.join(allowed)}", "choose one")


def _check_leaves(problem: GeneratorProblem) -> None:
    if problem.diffusion_times is not None:
        _check_diffusion_times(np.asarray(problem.diffusion_times))
    problem.at(0.01)  # pyright: ignore[reportArgumentType]
    mixture = problem.mixture
    if isinstance(mixture, GaussianMixture) and mixture.class_covariances is not None:
        raise InputError(
            "class_covariances are given",
            "classes of generated samples are told apart by isotropic classes",
            "give one std per class",
        )
    counts = np.asarray(class_counts(mixture.class_weights, problem.num_samples))
    if counts.min() < 2:
        raise InputError(
            f"class {int(counts.argmin())} gets {counts.min()} of {problem.num_samples} samples",
            "every class has at least 2 training samples",
            "raise num_samples, or the weight of the class",
        )
    if problem.training_times is not None:
        check_training_times(np.asarray(problem.training_times))


def _check_diffusion_times(times: np.ndarray) -> None:
    check_vector("diffusion_times", times, positive=True)
    if times.size < 2 or (np.diff(times) >= 0).any():
        raise InputError(
            f"diffusion_times has {times.size} entries"
            + (" and does not fall" if times.size > 1 else ""),
            "at least two strictly falling times",
            "use diffjax.samplers.log_snr_times",
        )
    left = float(np.exp(-2.0 * times[0]))
    if left > MOST_SIGNAL:
        raise InputError(
            f"the first diffusion time {times[0]:g} keeps a share {left:.2g} of the variance",
            f"a start from pure noise needs e^(-2t) <= {MOST_SIGNAL:g}",
            f"begin at t >= {-0.5 * np.log(MOST_SIGNAL):.2f}",
        )
