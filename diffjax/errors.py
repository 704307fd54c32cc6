"""Errors that the user can mend: each says what was got, what is allowed and what to do."""


class InputError(ValueError):
    """A value that cannot be used, found before anything was computed or written.

    Args:
        got: what was given, with its value.
        allowed: what would have been accepted.
        remedy: what to do.

    Example:
        >>> raise InputError("dim=0", "dim is a whole number of at least 1", "raise dim")
        Traceback (most recent call last):
        diffjax.errors.InputError: dim=0; dim is a whole number of at least 1; raise dim
    """

    def __init__(self, got: str, allowed: str, remedy: str):
        super().__init__(f"{got}; {allowed}; {remedy}")
        self.got, self.allowed, self.remedy = got, allowed, remedy


class PrecisionError(InputError):
    """The computation needs 64-bit numbers and JAX is set to 32 bits."""


class StoreMismatch(InputError):
    """A run folder belongs to another study than the one that wants to write into it."""


class DataWarning(UserWarning):
    """Data that can be used but are probably not what was meant, or tell less than it seems.

    Says what was seen and what follows for the numbers.  To make it an error, use
    ``warnings.simplefilter("error", dj.DataWarning)``.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warnings.warn("class 'b' has 2 samples", dj.DataWarning)
        >>> caught[0].category.__name__
        'DataWarning'
    """
