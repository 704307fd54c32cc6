"""Fields of a problem of the theory from labelled data."""

import dataclasses
from typing import Any

from diffjax.asymptotics.class_statistics import class_statistics, given_weights
from diffjax.asymptotics.options import Method, TheoryOptions
from diffjax.asymptotics.theory_choice import choose
from diffjax.mixture import GaussianMixture
from diffjax.typing import ArrayLike


def measured_fields(
    samples: ArrayLike,
    labels: Any,
    diffusion_time: ArrayLike,
    method: Method,
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Mixture, centroids and options of the problem that `samples` stand for.

    Args:
        samples: (n, d).
        labels: (n,).
        diffusion_time: t.
        method: treatment of the classes; "auto" is decided here, so that a sweep of the problem
            treats them alike everywhere.
        settings: further fields of the problem, with `weights` and `standardize` taken out.
    """
    settings = dict(settings)
    weights = settings.pop("weights", None)
    measured = class_statistics(samples, labels, settings.pop("standardize", True))
    mixture = GaussianMixture(
        weights=given_weights(weights, measured),
        centroid_gram=measured.gram,
        class_covariances=measured.covariances,
    )
    options = settings.pop("theory_options", TheoryOptions())
    if method == "auto" and options.method == "auto":
        method = choose(mixture, diffusion_time).method
    if method != "auto":
        options = dataclasses.replace(options, method=method)
    return {
        "mixture": mixture,
        "class_centroids": measured.centroids,
        "theory_options": options,
        **settings,
    }
