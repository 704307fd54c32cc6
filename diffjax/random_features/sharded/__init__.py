"""The exact engine for one problem that is too large for one device, by matrix products only.

Every array with a feature axis is cut into equal blocks of rows, one per device of a mesh; no
device ever holds a whole (p, p) matrix.  With D devices, m = p/D and i, j blocks of features:

* A symmetric matrix needs half of its (m, m) blocks only.  Device i computes the blocks (i, i - k),
  k = 0 .. D/2, while the rows of the other devices pass by on a ring (`half_storage`).  Covariances
  stay in this form; what is multiplied further gets whole rows, (m, p), by one exchange of blocks.
* Learning curves come from doubling the training time.  With F(s) = 1 - exp(-s U) and the readout
  R(s) = F(s) U^(-1) V,  F(2s) = 2F - F^2,  R(2s) = 2R - F R  (`chain`).
* The quadratic terms of all losses share one Gram matrix, Tr(a U_c a^T) = sum_ij (a^T a)_ij
  (U_c)_ij, and a start that is averaged over needs no product at all,
  Tr(E U_c E) = Tr(U_c) - sum_ij F(2s)_ij (U_c)_ij  for E = 1 - F(s).
"""
