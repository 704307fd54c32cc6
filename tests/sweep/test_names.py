"""Names and values of axes: every way to write them, and every way to get them wrong."""

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.fields import find_field
from diffjax.sweep import Zipped, sweep, sweepable_fields
from tests.sweep.toy_models import Pair, Plate, oscillator, spring


def test_sweepable_fields_have_their_shortest_unique_names():
    listed = {field.name: field.shape for field in sweepable_fields(spring())}
    assert listed == {
        "widths": (2,),
        "radius": (),
        "stiffness": (),
        "seed": (),
        "size": "static",
        "kind": "static",
    }
    pair = Pair(Plate([1.0], 1.0), Plate([1.0], 2.0))
    assert [field.name for field in sweepable_fields(pair)] == [
        "first.widths",
        "first.radius",
        "second.widths",
        "second.radius",
    ]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("radius", "plate.radius"),
        ("plate.radius", "plate.radius"),
        ("widths[1]", "plate.widths[1]"),
        ("plate.widths[0]", "plate.widths[0]"),
        ("size", "size"),
    ],
)
def test_short_dotted_and_element_names(name, full):
    assert find_field(spring(), name).name == full


BAD_AXES = {
    "unknown": ({"radios": [1.0]}, "did you mean 'radius'"),
    "unknown lists all": ({"zzz": [1.0]}, "sweepable are widths, radius, stiffness, seed"),
    "no name": ({"": [1.0]}, "axis name ''"),
    "not a name": ({"radius[": [1.0]}, "a name is a field"),
    "unset": ({"load": [1.0]}, "None in this problem"),
    "element outside": ({"widths[2]": [1.0]}, "shape \\(2,\\)"),
    "element of a number": ({"radius[0]": [1.0]}, "shape \\(\\)"),
    "same field twice": ({"radius": [1.0], "plate.radius": [1.0]}, "both set plate.radius"),
    "element and whole": (
        {"widths": [[1.0, 2.0]], "widths[0]": [1.0]},
        "both set plate.widths",
    ),
    "zipped and axis": (
        {"radius": [1.0], "line": Zipped({"radius": [1.0], "seed": [1]})},
        "both set plate.radius",
    ),
    "empty": ({"radius": []}, "is empty"),
    "number": ({"radius": 1.0}, "a sequence of values"),
    "text": ({"kind": "steel"}, "a sequence of values"),
    "nan": ({"radius": [1.0, np.nan]}, "values are finite"),
    "inf": ({"radius": [np.inf]}, "values are finite"),
    "words": ({"radius": ["a", "b"]}, "only numbers"),
    "None": ({"radius": [None]}, "only numbers"),
    "vector for number": ({"radius": [[1.0, 2.0]]}, "has shape \\(\\)"),
    "number for vector": ({"widths": [1.0, 2.0]}, "has shape \\(2,\\)"),
    "ragged": ({"widths": [[1.0], [1.0, 2.0]]}, "different shapes"),
    "fraction for whole": ({"seed": [0.5]}, "whole numbers"),
    "repeated": ({"radius": [1.0, 2.0, 1.0]}, "at positions 0 and 2"),
    "repeated zero": ({"radius": [0.0, -0.0]}, "at positions 0 and 1"),
    "repeated pair": (
        {"line": Zipped({"radius": [1.0, 1.0], "seed": [3, 3]})},
        "at positions 0 and 1",
    ),
    "zipped lengths": ({"line": Zipped({"radius": [1.0], "seed": [1, 2]})}, "lengths"),
    "zipped nothing": ({"line": Zipped({})}, "zips no fields"),
    "static list": ({"kind": [["a"]]}, "hashable"),
    "no mapping": ([("radius", [1.0])], "a mapping"),
    "name of an output": ({"energy": Zipped({"radius": [1.0]})}, "second 'energy'"),
    "name of an inner dim": ({"mode": Zipped({"radius": [1.0]})}, "second 'mode'"),
    "name of another axis": (
        {"radius": Zipped({"seed": [1]}), "line": Zipped({"radius": [1.0]})},
        "second 'radius'",
    ),
    "invalid point": ({"radius": [1.0, -1.0]}, "at radius=-1: radius=-1.0"),
    "invalid combination": (
        {"radius": [1.0, 50.0], "stiffness": [1.0, 2.0], "seed": [0, 1]},
        "at radius=50, stiffness=2, seed=0: stiffness \\* radius > 90",
    ),
}


@pytest.mark.parametrize("case", BAD_AXES)
def test_bad_axes_are_refused_before_anything_is_written(case, tmp_path):
    over, message = BAD_AXES[case]
    with pytest.raises(InputError, match=message):
        sweep(oscillator, spring(), over, tmp_path / "run")
    assert not (tmp_path / "run").exists()


BAD_CALLS = {
    "no model": ({"model": print}, "a Model as made by"),
    "no problem": ({"problem": 3.0}, "a problem is a dataclass"),
    "unknown option": ({"options": {"gian": 2.0}}, "it has gain"),
    "no batch": ({"batch_size": 0}, "at least 1"),
    "half a batch": ({"batch_size": 2.5}, "a whole number"),
    "too many devices": ({"devices": 1000}, "jax_num_cpu_devices"),
    "no devices": ({"devices": []}, "devices"),
    "unknown retry": ({"retry": "everything"}, "use 'failed'"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_arguments_are_refused_before_anything_is_written(case, tmp_path):
    changes, message = BAD_CALLS[case]
    call = {"model": oscillator, "problem": spring(), "over": {}, "store": tmp_path / "run"}
    with pytest.raises(InputError, match=message):
        sweep(**{**call, **changes})
    assert not (tmp_path / "run").exists()


def test_every_message_says_what_was_got_what_is_allowed_and_what_to_do():
    with pytest.raises(InputError) as caught:
        sweep(oscillator, spring(), {"radius": [1.0, -1.0]})
    error = caught.value
    assert error.got == "at radius=-1: radius=-1.0"
    assert error.allowed == "radius is at least 0"
    assert error.remedy == "make it positive"
