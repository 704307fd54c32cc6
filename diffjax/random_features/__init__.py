"""The exact engine: random features of finite size, trained by gradient flow.

Conventions, in one place (every other module follows them):

* s_A(x) = A phi(W x/sqrt(d) + beta)/sqrt(p) learns the score at one diffusion time t from
  x_t = e^(-t) x + sqrt(Delta) xi, Delta = 1 - e^(-2t); W (p, d) standard normal and frozen.
* Losses are per dimension, L = 1 + (2 sqrt(Delta)/d) Tr(a V) + (Delta/d) Tr(a U a^T),
  a = A/sqrt(p), and 1 at zero readout; U = p U and V = sqrt(p) V of the literature.
* The training clock is dA/dtau = -d^2 grad_A L: a mode of eigenvalue lambda of p U relaxes as
  exp(-2 Delta lambda tau/psi_p), psi_p = p/d.  Plain gradient descent on A with step h reaches
  tau = steps h/d^2.
* Per-class train losses average over the n_c samples of the class, test losses over its
  population; the training loss weighs classes by n_c/n unless told otherwise.
"""
