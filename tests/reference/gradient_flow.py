"""Training dynamics three ways: eigenvectors, matrix exponential, explicit small steps.

With cU, cV of the training loss and psi = p/d,
    da/dtau = -(2/psi) (sqrt(Delta) cV^T + Delta a cU),
    a(tau)  = a_0 E - Delta^{-1/2} cV^T cU^{-1} (1 - E),    E = exp(-2 Delta cU tau/psi).
"""

import math

import numpy as np
import scipy.linalg


def loss(readout, feature, cross, noise) -> float:
    """L_c of the readout a (d, p) for the covariances of class c."""
    dim = len(readout)
    linear = 0.0
    quadratic = 0.0
    image = readout @ feature
    for row in range(dim):
        linear += readout[row] @ cross[:, row]
        quadratic += image[row] @ readout[row]
    return 1.0 + 2.0 * math.sqrt(noise) / dim * linear + noise / dim * quadratic


def readout_by_eigenvectors(feature, cross, noise, training_time, initial=None) -> np.ndarray:
    """a(tau) from one scipy.linalg.eigh; eigenvalue 0 is the limit of a slow mode."""
    dim = cross.shape[1]
    lam, vectors = scipy.linalg.eigh(feature)
    exponent = 2.0 * noise * lam * training_time * dim / len(feature)
    filled = np.where(lam > 0, -np.expm1(-exponent) / np.where(lam > 0, lam, 1.0), 0.0)
    out = -(cross.T @ vectors) * filled @ vectors.T / math.sqrt(noise)
    if initial is not None:
        out += initial @ vectors * np.exp(-exponent) @ vectors.T
    return out


def readout_by_exponential(feature, cross, noise, training_time, initial=None) -> np.ndarray:
    """a(tau) from the exponential of the affine flow written as one linear system."""
    num_features, dim = cross.shape
    rate = 2.0 * dim / num_features
    generator = np.zeros((num_features + dim, num_features + dim))
    generator[:num_features, :num_features] = -rate * noise * feature
    generator[:num_features, num_features:] = -rate * math.sqrt(noise) * cross
    start = np.zeros((num_features, dim)) if initial is None else initial.T
    flow = scipy.linalg.expm(generator * training_time)
    return (flow @ np.vstack([start, np.eye(dim)]))[:num_features].T


def stationary_readout(feature, cross, noise) -> np.ndarray:
    """The least-squares limit tau -> infinity, by solving a linear system."""
    return -scipy.linalg.solve(feature, cross, assume_a="pos").T / math.sqrt(noise)


def euler_readouts(feature, cross, noise, step, num_steps, initial=None) -> np.ndarray:
    """Plain gradient descent on A, in the variables of the loss itself.

    With U = cU/p and V = cV/sqrt(p), L = 1 + (2 sqrt(Delta)/d) Tr(A V) + (Delta/d) Tr(A U A^T); a
    step A <- A - h grad L advances the clock by h/d^2. Returns a = A/sqrt(p) after 0, 1, ...,
    num_steps steps of tau-length `step`.
    """
    num_features, dim = cross.shape
    small_u, small_v = feature / num_features, cross / math.sqrt(num_features)
    start = np.zeros((dim, num_features)) if initial is None else initial
    weights = start * math.sqrt(num_features)
    learning_rate = step * dim**2
    out = [weights / math.sqrt(num_features)]
    for _ in range(num_steps):
        gradient = 2 * math.sqrt(noise) / dim * small_v.T + 2 * noise / dim * weights @ small_u
        weights = weights - learning_rate * gradient
        out.append(weights / math.sqrt(num_features))
    return np.array(out)


def loss_curve(readouts, feature, cross, noise) -> np.ndarray:
    """L_c of each readout in turn."""
    return np.array([loss(a, feature, cross, noise) for a in readouts])
