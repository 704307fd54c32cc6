"""What the modes of the spectrum stand for when features and samples are many.

Per direction of the data, p U acts on the 2K vectors (psi_p >> psi_n >> 1)

    sqrt(omega_c Delta) w_c   and   sqrt(omega_c lambda_c) w_c + nu_c,
    w_a . w_b = psi_p E_m[b_a b_b],   nu_c^2 = (omega_c/f_c)(psi_p/psi_n) E_m[gamma_c^2],

the nu_c orthogonal to all others, to which s^2 is added.  With r the rank of E_m[b b^T] the r
largest of their r + K eigenvalues are generalization modes and the others memorization modes, d of
each.  The samples of class c beyond the first d of them have modes near
(omega_c/f_c)(psi_p/psi_n) E gamma_c^2 + s^2, and the features beyond all that stay at s^2.
"""

from typing import NamedTuple

import numpy as np

from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.spectrum.continuum import spread_out

RANK_TOLERANCE = 1e-6
DOMINANT = 0.8

GENERALIZATION = "generalization"
SAMPLE = "sample"
MEMORIZATION = "memorization"
RESIDUAL = "residual"


class Group(NamedTuple):
    """Modes of one kind at one place.

    Attributes:
        kind: "generalization", "sample", "memorization" or "residual".
        class_label: the class they belong to, None if to several.
        location: predicted eigenvalue.
        mass: share of all eigenvalues.
    """

    kind: str
    class_label: int | None
    location: float
    mass: float


def predicted_groups(ensemble: Ensemble) -> list[Group]:
    """All groups, largest eigenvalue first; a residual atom is not among them.

    Args:
        ensemble: of one problem, concrete.
    """
    psi_p, psi_n = float(ensemble.features_per_dim), float(ensemble.samples_per_dim)
    residual = float(ensemble.neuron_average(ensemble.residual_noise))
    per_class = psi_n * _sample_shares(ensemble)
    groups = _direction_groups(ensemble, residual, per_class)
    lift = _sample_lift(ensemble)
    groups += [
        Group(SAMPLE, c, residual + float(lift[c]),
              float(per_class[c] - 1.0) / psi_p)
        for c in range(per_class.size)
        if per_class[c] > 1.0
    ]  # fmt: skip
    rest = 1.0 - sum(group.mass for group in groups)
    if bool(spread_out(ensemble)) and rest > 0:
        groups.append(Group(RESIDUAL, None, residual, rest))
    return sorted(groups, key=lambda group: -group.location)


def _direction_groups(ensemble: Ensemble, residual: float, per_class: np.ndarray) -> list[Group]:
    """Generalization and memorization modes."""
    gram, rank = _reduced_gram(ensemble)
    num_classes, psi_p = per_class.size, float(ensemble.features_per_dim)
    values, vectors = np.linalg.eigh(gram)
    groups = []
    for number in range(rank + num_classes):
        value, vector = values[-1 - number], vectors[:, -1 - number]
        shares = vector[:num_classes] ** 2 + vector[num_classes:] ** 2
        best = int(np.argmax(shares))
        label = best if shares[best] > DOMINANT else None
        kind = GENERALIZATION if number < rank else MEMORIZATION
        modes = 1.0 if number < rank else float(shares @ np.minimum(per_class, 1.0))
        groups.append(Group(kind, label, residual + float(value), modes / psi_p))
    return groups


def _reduced_gram(ensemble: Ensemble) -> tuple[np.ndarray, int]:
    """(2K, 2K) scalar products of the vectors, and the rank of E_m[b b^T]."""
    slope, weights = np.asarray(ensemble.constants.slope), np.asarray(ensemble.weights)
    overlap = (slope * np.asarray(ensemble.neurons.weights)) @ slope.T
    eigenvalues = np.linalg.eigvalsh(overlap)
    rank = int((eigenvalues > RANK_TOLERANCE * eigenvalues[-1]).sum())
    signals = np.asarray(ensemble.signals) @ np.asarray(ensemble.shares)
    scales = np.sqrt(np.concatenate([weights * float(ensemble.noise), weights * signals]))
    gram = float(ensemble.features_per_dim) * np.tile(overlap, (2, 2)) * np.outer(scales, scales)
    own = np.concatenate([np.zeros(weights.size), _sample_lift(ensemble)])
    return gram + np.diag(own), rank


def _sample_lift(ensemble: Ensemble) -> np.ndarray:
    """(K,) (omega_c/f_c)(psi_p/psi_n) E_m[gamma_c^2]."""
    sample = np.asarray(ensemble.neuron_average(ensemble.constants.sample_variance))
    ratio = float(ensemble.features_per_dim) / float(ensemble.samples_per_dim)
    return ratio * np.asarray(ensemble.emphasis) * sample


def _sample_shares(ensemble: Ensemble) -> np.ndarray:
    """(K,) f_c."""
    weights, emphasis = np.asarray(ensemble.weights), np.asarray(ensemble.emphasis)
    return np.divide(weights, emphasis, out=np.zeros_like(weights), where=emphasis > 0)
