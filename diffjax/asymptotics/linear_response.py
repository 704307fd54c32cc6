"""Two-resolvent kernels of the losses: how rho^T R rho answers to a perturbation between two z.

States 1, 2 are the resolvents at z_1, z_2.  A source c is either the training data of a class
(x_c = 1, y = 0) or its population (x = 0, y_c = 1).  With the letters of
`deterministic_equivalent`, nu_c = omega_c n_c, and K-vectors k(l):

    nu_c   = (x_c - omega_c delta12_c)/((1 + delta1_c)(1 + delta2_c))
    k_c(l) = lambda_c nu_c + Delta x_c + (lambda_c + Delta) y_c
    T12(m) = sum_c gamma_c^2 (nu_c + y_c) + s_c^2 (x_c + y_c)
    S12    = E_l[ A_1 diag(k) A_2^T - S_1 h12 S_2 ]
    g12(m) = -g_1 g_2 (T12 + b^T S12 b),     h12 = psi_p E_m[b b^T g12]
    R12(l) = A_1^T h12 A_2 - R_1 diag(k) R_2
    delta12_c = (omega_c/(f_c psi_n)) ( E_l[lambda_c R12_cc] + psi_p E_m[gamma_c^2 g12] )
    kernel = -omega^T E_l[R12] omega

For covariances that do not commute E_l sums over the entries of d x d blocks, A_2^T transposes the
whole matrix, and lambda_c stands where Sigma_c does.

The unknowns (nu, h12) solve K + K(K+1)/2 linear equations whose matrix does not depend on the
source, so the transposed system is solved once per pair for the functional `kernel`, which then
meets all 2K sources.  The kernel is symmetric in z_1, z_2 and real for conjugate arguments: pairs
z_i, z_j and z_i, conj z_j with i <= j are enough.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from diffjax.asymptotics.deterministic_equivalent import Resolvent, pack_symmetric, pair_features
from diffjax.asymptotics.ensemble import Ensemble
from diffjax.asymptotics.pair_averages import PairAverages, pair_index
from diffjax.numerics.small_matrices import reciprocal, small_product, small_solve
from diffjax.typing import Array, Complex


class Kernels(NamedTuple):
    """Kernels between points of the upper half plane and between them and conjugates.

    Attributes:
        upper: (source, N, N) at z_i, z_j; sources are K training sets, then K populations.
        mixed: (source, N, N) at z_i, conj z_j; Hermitian.
    """

    upper: Complex[Array, "source z z"]
    mixed: Complex[Array, "source z z"]


def loss_kernels(ensemble: Ensemble, resolvent: Resolvent) -> Kernels:
    """Kernels of the quadratic terms of all 2K losses on all pairs of contour points.

    Args:
        ensemble: the problem's ensemble.
        resolvent: the solution at N points in the upper half plane.
    """
    index = pair_index(resolvent.green.shape[-1])
    values = response(ensemble, PairAverages(ensemble, resolvent, index))
    half = index.first.size
    upper, mixed = values[:, :half][:, index.place], values[:, half:][:, index.place]
    below = jnp.asarray(np.tril(np.ones(index.place.shape, bool), -1))
    return Kernels(upper, jnp.where(below[None], jnp.conj(mixed), mixed))


def response(ensemble: Ensemble, pairs: PairAverages) -> Array:
    """(2K, P) kernels of all sources: training sets of the classes, then populations."""
    parts = _Parts(ensemble, pairs)
    (matrix, functional), (source, direct) = jax.lax.optimization_barrier(
        (parts.system(), parts.sources())
    )
    adjoint = small_solve(matrix.swapaxes(0, 1), functional[:, None])[:, 0]
    return direct + jnp.sum(adjoint[:, None] * source, axis=0)


class _Parts:
    """The linear system in (nu, h12 packed), assembled block by block."""

    def __init__(self, ensemble: Ensemble, pairs: PairAverages):
        self.num_classes = ensemble.num_classes
        self.psi_p, self.noise = ensemble.features_per_dim, ensemble.noise
        self.weights = ensemble.weights
        delta = pairs.resolvent.unknowns.delta
        shrink = reciprocal(1.0 + delta)
        self.shrink = pairs.elementwise(shrink, shrink)
        self.emphasis = ensemble.emphasis / ensemble.samples_per_dim
        self._neuron_blocks(ensemble, pairs)
        self._signal_blocks(ensemble, pairs)
        self._dressed_blocks(ensemble, pairs)

    def _neuron_blocks(self, ensemble: Ensemble, pairs: PairAverages) -> None:
        """psi_p E_m[g_1 g_2 f f'], split by the kind of function."""
        features = pair_features(ensemble)
        everything = jnp.concatenate([features, ensemble.constants.noise_variance])
        table = self.psi_p * pairs.neurons(features, everything)
        num_pairs = features.shape[0] - self.num_classes
        end = features.shape[0]
        self.gram_gram = table[:num_pairs, :num_pairs]
        self.gram_sample = table[:num_pairs, num_pairs:end]
        self.gram_noise = table[:num_pairs, end:]
        self.sample_gram = table[num_pairs:, :num_pairs]
        self.sample_sample = table[num_pairs:, num_pairs:end]
        self.sample_noise = table[num_pairs:, end:]

    def _signal_blocks(self, ensemble: Ensemble, pairs: PairAverages) -> None:
        """S12 packed (both triangles added) as a function of k and of h12, and its transpose."""
        inverse, signal = pairs.resolvent.inverse, pairs.resolvent.signal
        plain = pairs.directions("ac,bc->abc", inverse, inverse)
        along = pairs.directions("ac,bc->abc", ensemble.before_signal(inverse), inverse)
        self.lift = pack_symmetric(plain, both=True)
        self.lift_signal = pack_symmetric(along, both=True)
        self.spread_gram = self.lift_signal.swapaxes(0, 1)
        both = pairs.directions("ac,bd->abcd", signal, signal)
        folded = pack_symmetric(both, both=True)
        self.fold = pack_symmetric(jnp.moveaxis(folded, 0, 2), both=True).swapaxes(0, 1)

    def _dressed_blocks(self, ensemble: Ensemble, pairs: PairAverages) -> None:
        """E_l[lambda_a R12_aa] and -omega^T E_l[R12] omega as functions of k and of h12."""
        inverse, dressed = pairs.resolvent.inverse, pairs.resolvent.dressed
        tilted = ensemble.after_signal(dressed)
        self.spread = pairs.directions("ac,ac->ac", tilted, dressed)
        self.spread_signal = pairs.directions("ac,ac->ac", ensemble.before_signal(tilted), dressed)
        weights = ensemble.weights[None, :, None, None]
        front = jnp.sum(inverse * weights, axis=1)
        self.out_gram = -pack_symmetric(pairs.directions("c,d->cd", front, front), both=True)
        ends = jnp.sum(dressed * weights, axis=1)
        self.out = pairs.directions("c,c->c", ends, ends)
        self.out_signal = pairs.directions("c,c->c", ensemble.after_signal(ends), ends)

    def system(self) -> tuple[Array, Array]:
        """Matrix (n, n, P) and functional (n, P) of the unknowns."""
        classes, pairs = jnp.eye(self.num_classes), jnp.eye(self.gram_gram.shape[0])
        rate = (self.shrink * (self.weights * self.emphasis)[:, None])[:, None]
        gram_nu = self.gram_sample + small_product(self.gram_gram, self.lift_signal)
        gram_gram = pairs[:, :, None] - small_product(self.gram_gram, self.fold)
        sample_nu = self.sample_sample + small_product(self.sample_gram, self.lift_signal)
        sample_gram = self.spread_gram + small_product(self.sample_gram, self.fold)
        nu_nu = classes[:, :, None] - rate * (self.spread_signal + sample_nu)
        matrix = jnp.concatenate(
            [
                jnp.concatenate([nu_nu, rate * sample_gram], axis=1),
                jnp.concatenate([gram_nu, gram_gram], axis=1),
            ]
        )
        return matrix, jnp.concatenate([self.out_signal, self.out_gram])

    def sources(self) -> tuple[Array, Array]:
        """Right-hand sides (n, 2K, P) and the part of the kernel that bypasses the unknowns."""
        noisy_lift = self.lift_signal + self.noise * self.lift
        noisy_spread = self.spread_signal + self.noise * self.spread
        rate = (self.shrink * (self.weights * self.emphasis)[:, None])[:, None]
        own = jnp.eye(self.num_classes)[:, :, None] * self.shrink[:, None]
        train_gram = -self.gram_noise - small_product(self.gram_gram, self.noise * self.lift)
        test_gram = -self.gram_sample - self.gram_noise - small_product(self.gram_gram, noisy_lift)
        train_nu = self.noise * self.spread + self.sample_noise
        train_nu = own + rate * (train_nu + small_product(self.sample_gram, self.noise * self.lift))
        test_nu = noisy_spread + self.sample_sample + self.sample_noise
        test_nu = rate * (test_nu + small_product(self.sample_gram, noisy_lift))
        source = jnp.concatenate(
            [
                jnp.concatenate([train_nu, test_nu], axis=1),
                jnp.concatenate([train_gram, test_gram], axis=1),
            ]
        )
        direct = jnp.concatenate([self.noise * self.out, self.out_signal + self.noise * self.out])
        return source, direct
