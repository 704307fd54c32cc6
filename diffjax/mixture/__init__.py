"""Gaussian mixtures of K classes in d dimensions: x = mu_c + Sigma_c^(1/2) z, z ~ N(0, 1_d).

Normalisation: centroids are extensive, mu_c . mu_c' = d M_cc' with the Gram matrix M of order one;
standard deviations are per dimension; weights rho_c sum to one.  A centroid of Euclidean length L
has M_cc = L^2/d.
"""

from diffjax.mixture.gaussian import GaussianMixture
from diffjax.mixture.geometry import centroid_coordinates, mean_variance, principal_variances
from diffjax.mixture.pair import TwoClasses, two_classes

Mixture = GaussianMixture | TwoClasses
"""What every model accepts as its data."""

__all__ = [
    "GaussianMixture",
    "Mixture",
    "TwoClasses",
    "centroid_coordinates",
    "mean_variance",
    "principal_variances",
    "two_classes",
]
