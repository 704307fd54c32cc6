"""What problems and mixtures have in common: they say which keyword was meant."""

import difflib
from typing import Any

import equinox as eqx

from diffjax.errors import InputError

_MEANT = {
    "class_weights": "the shares of the classes in the data are called weights; class_weights of "
    "a problem are the weights of the classes in its training loss",
    "weights": "class_weights are the weights of the classes in the training loss; the shares of "
    "the classes in the data are weights of the mixture",
}


class Spec(eqx.Module):
    """A frozen dataclass of numbers and sizes that is checked when it is built."""

    def __new__(cls, *_arguments: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in cls.__dataclass_fields__:
                raise _unknown(cls, name)
        return super().__new__(cls)


def _unknown(cls: type, name: str) -> InputError:
    known = [field.name for field in cls.__dataclass_fields__.values() if field.init]  # pyright: ignore[reportAttributeAccessIssue]
    close = difflib.get_close_matches(name, known, n=1)
    kind = next((k.__name__ for k in cls.__mro__ if k.__qualname__[:1] != "_"), cls.__name__)
    remedy = f"did you mean {close[0]!r}?" if close else "remove or rename it"
    if name in _MEANT and close:
        remedy = f"{remedy} {_MEANT[name]}"
    return InputError(f"{kind} has no field {name!r}", f"it has {', '.join(known)}", remedy)
