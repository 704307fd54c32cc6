"""The high-dimensional theory: d, p, n to infinity at fixed psi_p = p/d and psi_n = n/d.

Conventions, in one place (every other module follows them; they are those of the exact engine):

* Losses are per dimension and 1 at zero readout; a mode of eigenvalue lambda of p U relaxes as
  exp(-2 Delta lambda tau/psi_p), Delta = 1 - e^(-2t).
* Centroids are extensive, mu_c . mu_c' = d M_cc'.  The mean pre-activations of one neuron are
  m = (m_1 .. m_K) ~ N(0, e^(-2t) M + s_b^2 1 1^T), s_b the standard deviation of the biases.
* rho_c are the class weights, omega_c those in the training loss.  Unless they differ, formulas of
  the literature are recovered with omega = rho.
* Sigma_c are the class covariances: directions l with variances lambda_cl where they commute, d x d
  blocks where they do not; dominant directions can be turned into latent sub-classes.
* Arrays carry the nodes of m on an axis `neuron` (a neuron with mean pre-activations m_q), the
  directions of the class covariances on an axis `direction`, and points z of the complex plane
  on the last axis `z`.

| letter         | in the code              | meaning                                              |
|----------------|--------------------------|------------------------------------------------------|
| alpha_c(m)     | mean                     | E phi(m_c + sqrt(Gamma_c) g)                         |
| b_c(m)         | slope                    | E phi'(m_c + sqrt(Gamma_c) g)                        |
| gamma_c^2(m)   | sample_variance          | nonlinear part that each sample fixes                |
| s_c^2(m)       | noise_variance           | nonlinear part that the noise averages               |
| delta_c, h     | delta, gram              | unknowns of the deterministic equivalent             |
| g(m)           | green                    | diagonal of the resolvent for a neuron with mean m   |
"""
