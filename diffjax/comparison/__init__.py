"""The two derivations side by side: the exact engine of finite size and its limit.

Neither engine imports the other, so that each tests the other; this package imports both.  At a
dimension d the two differ by terms of order 1/d.

    limit_of           the problem of the theory that a finite problem approaches
    theory_comparison  curves and times of both, and how far they are apart
    theory_times       times of the theory without its curves, for maps of very many points
"""
