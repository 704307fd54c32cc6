"""Numerical methods with names of their own and no physics."""
