"""Array types used in annotations; shapes are checked in the tests only."""

from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Complex, Float, Int, Key, Scalar

__all__ = ["Array", "ArrayLike", "Bool", "Complex", "Float", "Int", "Key", "Scalar"]
