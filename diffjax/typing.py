"""Array types used in annotations; checked wherever the tests run, and nowhere else."""

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Complex, Float, Inexact, Int, Key, Scalar

__all__ = ["Array", "ArrayLike", "Bool", "Complex", "Float", "Inexact", "Int", "Key", "Scalar"]
