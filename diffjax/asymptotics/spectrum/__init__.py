"""The limiting spectrum of p U: density, atoms, bulks and what they stand for, outliers.

The deterministic equivalent is solved next to the real axis, at the ends of arcs |z| = lambda.  The
solution there gives the density at lambda and, by the logarithmic potential, the mass below it.

| module     | what it does                                                                |
|------------|-----------------------------------------------------------------------------|
| newton     | the linearised equations and one Newton step                                |
| arcs       | arcs |z| = lambda down to the axis, and how to follow them                   |
| descent    | solutions next to the axis: scouts, Newton's method, repairs                 |
| potential  | the mass below an eigenvalue from the solution there                         |
| density    | density, mass below lambda and status on a grid; smoothing of the continuum |
| gaps       | whether a real lambda lies outside the support                              |
| edges      | ends of the support by multisection                                         |
| groups     | what the modes of the spectrum stand for, in the limit of many samples      |
| bulks      | connected parts of the support, with masses and names                       |
| outliers   | isolated eigenvalues of order p and of order one                            |
| result     | `Spectrum`, the answer to all of it                                         |
| compute    | `spectrum`, the public function                                             |
| model      | density and mass as a model of the sweep engine                             |
"""
