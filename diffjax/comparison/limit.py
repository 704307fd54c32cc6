"""From a problem of finite size to the problem that it approaches as d, p, n go to infinity."""

from diffjax.asymptotics.options import TheoryOptions
from diffjax.asymptotics.problem import AsymptoticProblem
from diffjax.errors import InputError
from diffjax.random_features.clock import training_times
from diffjax.random_features.problem import RandomFeatureProblem


def limit_of(
    problem: RandomFeatureProblem, theory_options: TheoryOptions | None = None
) -> AsymptoticProblem:
    """The theory's problem at the same psi_p = p/d, psi_n = n/d, training times and weights.

    The limit has the class weights of the mixture; at finite size class c has the whole number of
    samples nearest to weight_c n, which changes its share by at most 1/(2n).

    Args:
        problem: a problem of finite size that starts from a zero readout; may be traced.
        theory_options: sizes of the theory's quadratures; by rule if left out.

    Returns:
        The problem whose `asymptotic_dynamics` the curves of `problem` approach as 1/d.

    Raises:
        InputError: the readout starts at random, or the theory cannot treat the mixture.

    Example:
        >>> from diffjax.mixture import two_classes
        >>> finite = RandomFeatureProblem(two_classes(), 32, 128, 64, diffusion_time=0.1)
        >>> float(limit_of(finite).features_per_dim)
        4.0
    """
    if not isinstance(problem, RandomFeatureProblem):
        raise InputError(
            f"the problem is a {type(problem).__name__}",
            "a RandomFeatureProblem",
            "build one; problems on data have no limit in closed form",
        )
    if problem.readout_std is not None:
        raise InputError(
            "readout_std is set",
            "the theory starts from a zero readout",
            "leave readout_std out",
        )
    return AsymptoticProblem(
        problem.mixture,
        problem.features_per_dim,
        problem.samples_per_dim,
        problem.diffusion_time,
        activation=problem.activation,
        training_times=training_times(problem),
        class_weights=problem.class_weights,
        bias_std=problem.bias_std,
        theory_options=theory_options or TheoryOptions(),
    )
