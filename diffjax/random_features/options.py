"""How far the exact series of the covariances are carried, with the error that is left."""

import dataclasses
import math
from typing import NamedTuple

from diffjax.errors import InputError
from diffjax.validation import whole_number


@dataclasses.dataclass(frozen=True)
class CovarianceOptions:
    """Truncation of the Hermite series and accuracy of the quadrature; None means by rule.

    The diagonal of a covariance, which carries most of the energy, is never truncated.  Off the
    diagonal the orders above K contribute at most |r|^(K+1) times the energy that is left, r the
    correlation of two features.  Where correlations are small, in many dimensions, a fixed order
    does.  In few dimensions, for wide or anisotropic classes, the rule gives a largest order, and
    of those below as many are taken as the correlations and the activation need.

    What is left is carried on to the losses: where it, or the quadrature, could move them by more
    than 1e-5, the status is COARSE.

    | d         | train_order | population_order      | nodes |
    |-----------|-------------|-----------------------|-------|
    | < 4       | up to 240   | up to 600             | 401   |
    | 4 to 12   | up to 120   | up to 600             | 257   |
    | 13 to 29  | up to 65    | up to 600             | 257   |
    | 30 to 99  | 6 or more   | 12, more if needed    | 97    |
    | from 100  | 4 or more   | 8, more if needed     | 97    |

    "Or more" is for so many features that the closest two of them are strongly correlated.  The
    series of relu converges too slowly for that: up to 12 dimensions its samples, and up to 29 or
    for anisotropic classes its populations, are averaged pair by pair in closed form.

    Args:
        train_order: largest Hermite order of sample covariances (one matrix product each).
        population_order: largest order of population covariances (an outer product each).
        nodes: trapezoid nodes per sample at most; by rule the moments of tanh are exact to 1e-8.
        population_nodes: trapezoid nodes of population moments at most, whose variance may be
            large; by rule they do for a variance of 1e4.
        block_size: samples handled at a time, which bounds memory; the result does not depend
            on it except for rounding.

    Raises:
        InputError: a negative order or fewer than 5 nodes.

    Example:
        >>> CovarianceOptions(train_order=8).resolve(dim=64).train_order
        8
    """

    train_order: int | None = None
    population_order: int | None = None
    nodes: int | None = None
    population_nodes: int | None = None
    block_size: int = 64

    def __post_init__(self):
        smallest = {"train_order": 1, "population_order": 1, "nodes": 5, "population_nodes": 5}
        for name, minimum in {**smallest, "block_size": 1}.items():
            value = whole_number(getattr(self, name))
            object.__setattr__(self, name, value)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and (not whole or value < minimum):
                raise InputError(
                    f"{name}={value!r}", f"a whole number of at least {minimum}", "or leave it out"
                )

    def resolve(
        self, dim: int, anisotropic: bool = False, num_features: int = 512
    ) -> "SeriesOrders":
        """The numbers to use in dimension `dim`: those given, else those of the rule."""
        train, population, nodes = _rule(dim, num_features)
        if anisotropic:
            population = _MOST_ORDERS
        train, population = self.train_order or train, self.population_order or population
        all_needed = dim < _FEW_DIMENSIONS or anisotropic or self.population_order is not None
        return SeriesOrders(
            train_order=train,
            population_order=population,
            nodes=self.nodes or nodes,
            population_nodes=self.population_nodes or 8193,
            block_size=self.block_size,
            train_chunk=min(train + 1, 12),
            population_chunk=min(population + 1, 24 if all_needed else _base(dim)[1] + 1),
            negligible=_ROUNDING if all_needed else 3e-7,
            train_pairs=self.train_order is None and dim < 13,
            population_pairs=self.population_order is None
            and (dim < _FEW_DIMENSIONS or anisotropic),
        )


class SeriesOrders(NamedTuple):
    """`CovarianceOptions` with every number decided.

    Attributes:
        train_order: largest order of sample covariances.
        population_order: largest order of population covariances.
        nodes: at most.
        population_nodes: at most.
        block_size: samples at a time.
        train_chunk: orders at a time.
        population_chunk: orders at a time.
        negligible: orders of a population that add less, relative to the largest second moment,
            are left out.
        train_pairs: take pair moments of samples in closed form instead, where there is one.
        population_pairs: the same for populations.
    """

    train_order: int
    population_order: int
    nodes: int
    population_nodes: int
    block_size: int
    train_chunk: int
    population_chunk: int
    negligible: float
    train_pairs: bool
    population_pairs: bool


_FEW_DIMENSIONS = 30
_ROUNDING = 1e-15
_MOST_ORDERS = 600


def _base(dim: int) -> tuple[int, int]:
    return (6, 12) if dim < 100 else (4, 8)


def _rule(dim: int, num_features: int) -> tuple[int, int, int]:
    """Largest orders of samples and populations, and nodes."""
    if dim < _FEW_DIMENSIONS:
        train = 240 if dim < 4 else 120 if dim < 13 else 65
        return train, _MOST_ORDERS, 401 if dim < 4 else 257
    decay = -math.log(_closest(dim, num_features))
    train, population = _base(dim)
    train = min(max(train, math.ceil(-math.log(0.02) / decay) - 1), 24)
    return train, max(population, min(math.ceil(-math.log(1e-12) / decay), _MOST_ORDERS)), 97


def _closest(dim: int, num_features: int) -> float:
    """Correlation that one of all pairs of features is expected to exceed.

    A pair exceeds r with a probability of about (1 - r^2)^((d-1)/2).
    """
    pairs = max(0.5 * num_features**2, 2.0)
    return math.sqrt(1.0 - pairs ** (-2.0 / (dim - 1)))
