"""The backward diffusion of the exact and of the empirical score, class by class.

Letters of every module of this package:

* t diffusion time, e = e^(-t), Delta = 1 - e^(-2t), Gamma_c = e^(-2t) sigma_c^2 + Delta;
* rho_c weights, mu_c centroids with mu_c . mu_c' = d M_cc', D = |mu_c - mu_c'|;
* Phi_cc'(t) probability that a sample of class c, noised up to t and brought back, is of class
  c' (cloning or U-turn); phi_c = Phi_cc.

Backward time runs from large t to t = 0.  A per-class time is the largest t at which a class is
still told apart, so a *smaller* t means *later* in the generation of a sample.  It is inf where
the class is the default at any noise (a majority), and 0 with the status NOT_REACHED where it is
never told apart.

The posterior depends on x through its components along the centroids and through the squared norm
of the rest, which follows a chi^2 law: nothing d-dimensional is formed, and d = 10^6 costs what
d = 10 costs.
"""
