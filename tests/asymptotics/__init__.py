"""The high-dimensional theory against identities, published equations and the exact engine."""
