"""Sizes of the quadratures and budgets of the iterations of the theory."""

import dataclasses
from typing import Literal

from diffjax.errors import InputError
from diffjax.validation import whole_number

MOST_NEURON_NODES = 20_000
Method = Literal["auto", "commuting", "matrices", "sub-classes"]
MOST_PRODUCT_COORDINATES = 3
FEWEST_NODES = {1: 23, 2: 21}
METHODS = ("auto", "commuting", "matrices", "sub-classes")


@dataclasses.dataclass(frozen=True)
class TheoryOptions:
    """How finely the theory is evaluated; None means by rule.

    Nested rules estimate the error of the losses; if it exceeds 1e-3 of max(1, loss) the status of
    the result is COARSE.

    Args:
        contour_nodes: N, points of the contour in the upper half plane.  The error falls as
            exp(-pi^2 N/(2 log r + 3)), r the ratio of the ends of the spectrum.
        centroid_nodes: nodes per centroid coordinate, or points of the lattice.  By rule those
            that the numbers of the problem need, 23 to 191 for one coordinate, 21 to 81 for two,
            13 or 25 for three; inside a user's own trace, which knows no numbers, the smallest of
            these.  Lattices have 16384 points, 2048 for sub-classes.  Where losses may be off by
            more than 1e-3 of max(1, loss) the status is COARSE; most are within 1e-4.
        centroid_rank: rank of the centroids' Gram matrix, to which a bias adds the vector of ones.
            By rule it is found from the numbers of the problem; inside a user's own trace K
            coordinates are used.  A Gram matrix of larger rank is refused.
        quadrature: "product" of trapezoid rules, of up to three coordinates: beyond, quasi-random
            points of a lattice take its place unless `centroid_nodes` are given; or "lattice".
        field_nodes: nodes for Gaussian averages over one pre-activation.
        max_steps: budget of the fixed-point iteration.
        tolerance: relative size of its last step.
        method: what anisotropic classes are taken to be.  "commuting": variances along common
            directions, for matrices their diagonals in the eigenbasis of the pooled covariance;
            "matrices": full covariances, exact when they do not commute; "sub-classes":
            "commuting" with every class split along its dominant directions.  "auto" keeps (K, d)
            variances as they are and chooses for (K, d, d) matrices by `AsymptoticProblem.choice`;
            inside a user's own trace it takes the matrices.
        subclass_directions: dominant directions of every class that sub-classes are split along.
        subclass_nodes: Gauss-Hermite nodes per such direction.
        hermite_closure: correct gamma^2 and s^2 for the quadratic and cubic parts of the features
            that concentrated spectra turn into signal; about half of the error 1/d_eff.
        largest_matrix: largest dimension in which full matrices are inverted.

    Raises:
        InputError: a size below its minimum or an unknown quadrature.

    Example:
        >>> TheoryOptions(centroid_rank=1).contour_nodes
        40
    """

    contour_nodes: int = 40
    centroid_nodes: int | None = None
    centroid_rank: int | None = None
    quadrature: Literal["product", "lattice"] = "product"
    field_nodes: int = 257
    max_steps: int = 256
    tolerance: float = 1e-12
    method: Method = "auto"
    subclass_directions: int = 1
    subclass_nodes: int = 3
    hermite_closure: bool = False
    largest_matrix: int = 200

    def __post_init__(self):
        smallest = {
            "contour_nodes": 8, "centroid_nodes": 2, "centroid_rank": 0,
            "field_nodes": 33, "max_steps": 1, "subclass_directions": 1, "subclass_nodes": 2,
            "largest_matrix": 1,
        }  # fmt: skip
        for name, minimum in smallest.items():
            value = whole_number(getattr(self, name))
            object.__setattr__(self, name, value)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and (not whole or value < minimum):
                raise InputError(
                    f"{name}={value!r}", f"a whole number of at least {minimum}", "or leave it out"
                )
        for name, choices in (("quadrature", ("product", "lattice")), ("method", METHODS)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"{name}={getattr(self, name)!r}",
                    " or ".join(repr(choice) for choice in choices),
                    "choose one of these",
                )
        if self.hermite_closure and self.method == "sub-classes":
            raise InputError(
                "hermite_closure=True with method='sub-classes'",
                "the closure corrects classes that are not split",
                "choose method='commuting' or 'matrices', or leave the closure out",
            )

    def resolve(
        self, rank: int, method: Method = "commuting", nodes: int | None = None
    ) -> "TheoryOptions":
        """Replace every None and "auto" by the rule's value.

        Args:
            rank: of the centroids, those of sub-classes included, by rule.
            method: by rule.
            nodes: per coordinate of a product, by rule.
        """
        rank = rank if self.centroid_rank is None else self.centroid_rank
        method = method if self.method == "auto" else self.method
        many = rank > MOST_PRODUCT_COORDINATES and self.centroid_nodes is None
        quadrature = "lattice" if many else self.quadrature
        lattice = 2048 if method == "sub-classes" else 16384
        by_rule = lattice if quadrature == "lattice" else nodes or FEWEST_NODES.get(rank, 13)
        return dataclasses.replace(
            self,
            centroid_rank=rank,
            centroid_nodes=self.centroid_nodes or by_rule,
            quadrature=quadrature,
            method=method,
        )

    def check_cost(self) -> None:
        """Raise InputError if the quadrature over centroid coordinates has too many nodes."""
        rank, nodes = self.centroid_rank or 0, self.centroid_nodes or 1
        count = nodes**rank if self.quadrature == "product" else nodes
        if count > MOST_NEURON_NODES:
            raise InputError(
                f"{rank} centroid coordinates with {nodes} nodes each are {count:.3g} nodes",
                f"at most {MOST_NEURON_NODES}; time and memory grow in proportion to the nodes",
                "leave centroid_nodes out for 16384 quasi-random nodes, or choose fewer",
            )
