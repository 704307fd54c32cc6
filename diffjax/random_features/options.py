"""How far the exact series of the covariances are carried, with the error that is left."""

import dataclasses
from typing import NamedTuple

from diffjax.errors import InputError


@dataclasses.dataclass(frozen=True)
class CovarianceOptions:
    """Truncation of the Hermite series and accuracy of the quadrature; None means by rule.

    The neglected orders contribute a relative d^(-(k+1)/2) max|r|^(k+1), r the correlation between
    two features, of order sqrt(2 ln(p^2)/d).  By rule the losses are exact to 1e-5 or better at
    every diffusion time.  The diagonal, which carries most of the energy, is never truncated.

    | d         | train_order | population_order | nodes |
    |-----------|-------------|------------------|-------|
    | < 30      | 10          | 16               | 85    |
    | 30 to 99  | 6           | 12               | 57    |
    | from 100  | 4           | 8                | 57    |

    Anisotropic populations have larger correlations: their order is at least 24.

    Args:
        train_order: largest Hermite order of sample covariances (one matrix product each).
        population_order: largest order of population covariances (an outer product each).
        nodes: trapezoid nodes per sample; their error is below 1e-10.
        population_nodes: trapezoid nodes of population moments, whose variance may be large;
            the default is accurate to 1e-10 up to a variance of 25.
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
    population_nodes: int = 257
    block_size: int = 64

    def __post_init__(self):
        smallest = {"train_order": 1, "population_order": 1, "nodes": 5, "population_nodes": 5}
        for name, minimum in {**smallest, "block_size": 1}.items():
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < minimum):
                raise InputError(
                    f"{name}={value!r}", f"a whole number of at least {minimum}", "or leave it out"
                )

    def resolve(self, dim: int, anisotropic: bool = False) -> "SeriesOrders":
        """The numbers to use in dimension `dim`: those given, else those of the rule."""
        train, population, nodes = _rule(dim)
        if anisotropic:
            population = max(population, 24)
        return SeriesOrders(
            train_order=self.train_order or train,
            population_order=self.population_order or population,
            nodes=self.nodes or nodes,
            population_nodes=self.population_nodes,
            block_size=self.block_size,
        )


class SeriesOrders(NamedTuple):
    """`CovarianceOptions` with every number decided."""

    train_order: int
    population_order: int
    nodes: int
    population_nodes: int
    block_size: int


def _rule(dim: int) -> tuple[int, int, int]:
    if dim < 30:
        return 10, 16, 85
    return (6, 12, 57) if dim < 100 else (4, 8, 57)
