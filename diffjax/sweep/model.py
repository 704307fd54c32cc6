"""What the engine runs: a named, versioned, pure function from a problem to labelled outputs.

A model says which arrays it returns, how their dimensions are called, and, if several grid points
need the same heavy piece of work, how that piece is split off. Everything else (grids, batches,
devices, storage, labels) is the engine's business, and nothing here knows what is computed.
"""

import contextlib
import difflib
import functools
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from diffjax.compiled import compiled
from diffjax.errors import InputError
from diffjax.sweep.by_name import is_importable

ENTRY_POINT_GROUP = "diffjax.models"

RESERVED = "point_key"
"""The one name that outputs cannot have: stores keep the identity of points under it."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Output:
    """Labels of one array that a model returns.

    Args:
        dims: names of its dimensions, outermost first; ``()`` for a number.
        description: what it is, with its normalisation; becomes ``long_name``.
        units: unit, ``"1"`` for a pure number.
        symbol: LaTeX without dollar signs, for figures.
        coordinate: its values label ``dims[0]``. Where they are the same at all grid points they
            become the dataset's coordinate of that name, otherwise they stay a variable.
    """

    dims: tuple[str, ...]
    description: str
    units: str = "1"
    symbol: str = ""
    coordinate: bool = False


@dataclass(frozen=True)
class SharedStage:
    """The part of a point's work that other points need as well.

    Args:
        split: from a problem to a pytree whose leaves all have a leading axis, one entry per
            *member* (for example per class). Cheap, jit-able and bitwise reproducible: two
            members are the same if and only if all their bits are.
        compute: from one member's inputs to its result, a pytree of arrays. Heavy and pure.
        needs: name of an earlier stage with one member per point, whose result `compute` takes as
            its second argument.
    """

    split: Callable[[Any], Any]
    compute: Callable[..., Any]
    needs: str | None = None


class Points(Protocol):
    """Points of a grid with equal static fields, as `Model.specialize` sees them."""

    @property
    def problem(self) -> Any:
        """The problem of the first of them."""
        ...

    @property
    def count(self) -> int:
        """N, how many there are."""
        ...

    def problem_at(self, number: int) -> Any:
        """The problem of one of them, with its numbers."""
        ...

    def values(self, function: Callable[[Any], Any]) -> Any:
        """Values (N, ...) of a pure function from a problem to arrays."""
        ...


class Special(NamedTuple):
    """Points whose numbers ask for the same static choices.

    Attributes:
        rows: (n,) which of the points, ascending.
        problem: with these choices filled in; its numbers are those of any point.
        model: that computes them, where the choices are not part of the problem; equal ones are
            one object.
    """

    rows: np.ndarray
    problem: Any
    model: "Model | None" = None


@dataclass(frozen=True, eq=False)
class Model:
    """A computation that can be swept. Made by the decorator `model`; calling it runs one point.

    ``function(problem)`` equals ``combine(problem, stage_results(stages, problem))`` for a model
    with stages; the engine uses the second form to compute equal members once.

    Attributes:
        name: its name in stores, on the command line and among the entry points.
        version: raised whenever the numbers change; a store remembers it.
        outputs: name to labels of every array returned; ``status`` is optional and scalar.
        function: from a problem (and keyword options, static) to a result that has the outputs
            as attributes or as items.
        stages: name to shared stage.
        combine: from a problem and the stages' results, stacked over members, to the result;
            takes the same options as `function`.
        shares: whether the points of a problem have stages in common; None if those of every
            problem have. Where they have not, `function` computes each point.
        coords: labels of inner dimensions, from a concrete problem, on the host.
        default_problem: the problem that the command line starts from.
        flops: floating-point operations of one point, for time estimates.
        precision: ``"float64"`` refuses to run while JAX is in 32-bit mode.
        citations: what to cite, one BibTeX entry or line each.
        settle: from a problem, the caller's options, a device and the options in the run folder
            (None for a new run) to the options that are used and recorded, where "the best one
            here" has to be decided once per run.
        specialize: from points with equal static fields to the parts of them for which static
            choices that are left to a rule (as the size of a quadrature) come out equal.  A point
            then has the same program, and the same result, as alone.  Such choices are no part of
            the identity of a run.
        on: ``"device"`` for a JAX function, ``"host"`` for plain Python that is called point by
            point and drives its devices itself.
    """

    name: str
    version: int
    outputs: Mapping[str, Output]
    function: Callable[..., Any]
    stages: Mapping[str, SharedStage] = field(default_factory=lambda: _EMPTY)
    combine: Callable[..., Any] | None = None
    shares: Callable[[Any], bool] | None = None
    coords: Callable[[Any], Mapping[str, Any]] | None = None
    default_problem: Callable[[], Any] | None = None
    flops: Callable[[Any], float] | None = None
    precision: Literal["float64", "any"] = "any"
    citations: tuple[str, ...] = ()
    settle: Callable[[Any, Mapping[str, Any], Any, Any], Mapping[str, Any]] | None = None
    specialize: Callable[[Points], Sequence[Special]] | None = None
    on: Literal["device", "host"] = "device"

    def __post_init__(self):
        _check(self)
        for attribute in functools.WRAPPER_ASSIGNMENTS:
            if hasattr(self.function, attribute):
                object.__setattr__(self, attribute, getattr(self.function, attribute))
        object.__setattr__(self, "__wrapped__", self.function)

    def __call__(self, problem: Any, **options: Any) -> Any:
        """Compute one point; the options are those of the decorated function."""
        own = self.function.__module__.partition(".")[0] == __name__.partition(".")[0]
        with compiled() if own else contextlib.nullcontext():
            return self.function(problem, **options)

    def for_problem(self, problem: Any) -> "Model":
        """This model, without its stages if the points of such a problem share nothing."""
        if self.shares is None or self.shares(problem):
            return self
        return self._alone

    @functools.cached_property
    def _alone(self) -> "Model":
        return replace(self, stages=_EMPTY, combine=None)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled by name where that name gives this very model, so that a process has it once."""
        by_name = is_importable(self)
        return self.__dict__["__qualname__"] if by_name else super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return f"Model({self.name!r}, version={self.version})"


def model(*, version: int, outputs: Mapping[str, Output], **settings: Any):
    """Decorator that turns a function of a problem into a `Model` of the same name.

    Args:
        version: see `Model`.
        outputs: see `Model`.
        **settings: the further attributes of `Model`: `stages`, `combine`, `shares`,
            `coords`, `default_problem`, `flops`, `precision`, `citations`, `settle`,
            `specialize`, `on`, and `name` if it shall differ from the function's.

    Raises:
        InputError: the description contradicts itself.

    Example:
        >>> @model(version=1, outputs={"area": Output((), "enclosed area", "m2")})
        ... def circle(problem):
        ...     return {"area": 3.14159 * problem.radius**2}
    """

    def decorate(function: Callable[..., Any]) -> Model:
        labels = {"name": function.__name__, "outputs": MappingProxyType(dict(outputs))}
        return Model(**{**labels, **settings}, version=version, function=function)

    return decorate


def available_models() -> tuple[str, ...]:
    """Names of all installed models, from the entry points of every installed package."""
    return tuple(sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP).names))


def find_model(name: str) -> Model:
    """The installed model of that name.

    Args:
        name: as in `available_models`.

    Raises:
        InputError: there is none of that name, or what is registered under it is no `Model`.
    """
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP, name=name)
    if not found:
        raise _unknown_model(name)
    entry = next(iter(found))
    loaded = entry.load()
    if not isinstance(loaded, Model):
        raise InputError(
            f"entry point {name!r} = {entry.value} is a {type(loaded).__name__}",
            "a model is made by the decorator diffjax.model",
            "mend the entry point of the package that registers it",
        )
    return loaded


def _unknown_model(name: str) -> InputError:
    names = available_models()
    close = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else "choose one of these"
    return InputError(
        f"model={name!r} is unknown", f"known are {', '.join(names) or 'none'}", remedy
    )


def _check(made: Model) -> None:
    """Refuse descriptions that would fail later and less clearly."""
    if not made.name.isidentifier():
        raise InputError(f"model name {made.name!r}", "a name is an identifier", "rename it")
    if (made.combine is None) != (not made.stages):
        raise InputError(
            f"model {made.name!r} has stages {list(made.stages)} and combine={made.combine}",
            "shared stages and combine come together",
            "give both or neither",
        )
    _check_needs(made)
    status = made.outputs.get("status")
    if status is not None and status.dims != ():
        raise InputError(
            f"model {made.name!r} has a status with dims {status.dims}",
            "a point has one status",
            "reduce it with the maximum",
        )
    for name, output in made.outputs.items():
        _check_output(made.name, name, output)


def _check_needs(made: Model) -> None:
    earlier: dict[str, SharedStage] = {}
    for name, stage in made.stages.items():
        if stage.needs is not None and (
            stage.needs not in earlier or earlier[stage.needs].needs is not None
        ):
            raise InputError(
                f"stage {name!r} of model {made.name!r} needs {stage.needs!r}",
                "a stage needs one that comes before it and needs none itself",
                "change the order of the stages",
            )
        earlier[name] = stage


def _check_output(model_name: str, name: str, output: Output) -> None:
    if not name.isidentifier() or len(set(output.dims)) != len(output.dims) or name == RESERVED:
        raise InputError(
            f"model {model_name!r} has an output {name!r} with dims {output.dims}",
            f"output names are identifiers, not {RESERVED!r}, and the dims of one are distinct",
            "rename it",
        )
    if output.coordinate and len(output.dims) != 1:
        raise InputError(
            f"model {model_name!r} has a coordinate {name!r} with dims {output.dims}",
            "a coordinate labels exactly one dimension",
            "set coordinate=False",
        )
