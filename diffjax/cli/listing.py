"""``diffjax list``: what there is to compute."""

from typing import Any, Literal

from diffjax.errors import InputError


def listing(
    what: Literal["models", "studies", "fields"] = "studies",
    model: str | None = None,
    /,
) -> int:
    """List models, studies, or the fields of a model.

    Args:
        what: models (installed), studies (bundled, with their claims), or fields (of a model's
            default problem, with shapes and values; any of them can be an axis of a sweep).
        model: for fields: the model's name [gradient_flow].
    """
    if model is not None and what != "fields":
        raise InputError(
            f"list {what} {model}", "only fields are listed per model", "leave the name out"
        )
    {"models": _models, "studies": _studies, "fields": lambda: _fields(model)}[what]()
    return 0


def _models() -> None:
    from diffjax.cli.terminal import console, print_entry
    from diffjax.sweep.model import available_models, find_model

    out = console()
    for model in map(find_model, available_models()):
        facts = [("version", str(model.version)), ("outputs", ", ".join(model.outputs))]
        print_entry(out, model.name, _first_line(model), facts)


def _first_line(model: object) -> str:
    return (getattr(model, "__doc__", None) or "").strip().split("\n")[0]


def _studies() -> None:
    from diffjax.cli.terminal import console, print_entry
    from diffjax.studies.catalogue import all_studies

    out = console()
    for study in all_studies():
        axes = ", ".join(f"{name} ({_length(values)})" for name, values in study.axes.items())
        claims = [("claim" if not i else "", c.name) for i, c in enumerate(study.claims)]
        facts = [("model", study.model), ("axes", axes), *claims]
        print_entry(out, study.name, study.title, facts)


def _length(values: Any) -> int:
    zipped = getattr(values, "fields", None)
    return len(next(iter(zipped.values()))) if zipped else len(values)


def _fields(model: str | None) -> None:
    from diffjax.cli.terminal import console, print_columns
    from diffjax.fields import sweepable_fields
    from diffjax.sweep.model import find_model

    found = find_model(model or "gradient_flow")
    if found.default_problem is None:
        raise InputError(
            f"model {found.name!r} has no default problem",
            "fields are those of one",
            "see the documentation of the model",
        )
    fields = sweepable_fields(found.default_problem())
    rows = [(field.name, _shape(field.shape), _value(field.value)) for field in fields]
    title = f"Fields of {found.name}: axes of a sweep, and field=value of diffjax solve"
    print_columns(console(), title, ("field", "shape", "default"), rows)


def _shape(shape: object) -> str:
    return "number" if shape == () else str(shape)


def _value(value: object) -> str:
    text = getattr(value, "name", None) or getattr(value, "__name__", None) or str(value)
    return text if len(text) <= 40 else text[:37] + "..."
