"""Saving, global state, colours, labels, ticks."""

import subprocess
import sys
import time

import matplotlib
import numpy as np
import pytest
import xarray as xr

from diffjax import plot
from diffjax.errors import InputError
from diffjax.plot import decades, labels, scales, style


def lightness(color):
    """CIE L*."""
    channels = np.array(matplotlib.colors.to_rgb(color))
    linear = np.where(channels > 0.04045, ((channels + 0.055) / 1.055) ** 2.4, channels / 12.92)
    return 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16


def test_drawing_and_saving_change_no_global_setting(sweep, point, tmp_path):
    before = dict(matplotlib.rcParams)
    plot.save(plot.phase_maps(sweep), tmp_path / "maps")
    plot.save(plot.learning_curves(point), tmp_path / "curves")
    assert dict(matplotlib.rcParams) == before


def test_pyplot_is_not_imported():
    code = "import sys, diffjax.plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_saved_files_are_the_same_bytes(sweep, tmp_path):
    def write(name):
        figure = plot.phase_maps(sweep.isel(distance=[0, 2]))
        return [path.read_bytes() for path in plot.save(figure, tmp_path / name)]

    first = write("a")
    time.sleep(1.1)  # a time stamp would have a resolution of one second
    assert write("folder/b.png") == first
    assert first[0].startswith(b"\x89PNG") and first[1].startswith(b"%PDF")


def test_save_keeps_dots_in_names_and_takes_axes(point, tmp_path):
    png, pdf = plot.save(plot.learning_curves(point), tmp_path / "run-v1.2")
    assert (png.name, pdf.name) == ("run-v1.2.png", "run-v1.2.pdf")


def test_save_refuses_what_is_no_figure_before_writing(tmp_path):
    with pytest.raises(InputError, match="figure is a str"):
        plot.save("figure", tmp_path / "new" / "a")
    assert not (tmp_path / "new").exists()


def test_diverging_colours_are_balanced_and_monotonic_in_lightness():
    shades = np.array([lightness(c) for c in style.ORDER_COLORMAP(np.linspace(0, 1, 101))[:, :3]])
    assert (np.diff(shades[:51]) > 0).all() and (np.diff(shades[50:]) < 0).all()
    assert np.abs(shades - shades[::-1]).max() < 12


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.geomspace(1 / 9, 9, 9), True),
        (np.linspace(0.1, 2, 5), False),
        (np.linspace(0, 2, 5), False),
        (np.array([0.7, 0.85, 1, 1.2, 1.4, 1.7, 2]), True),
        (np.array([0.5, 1.0]), False),
        (np.array([64, 128, 256, 512]), True),
    ],
)
def test_which_coordinates_are_geometric(values, logarithmic):
    assert scales.scale_of(xr.DataArray(values, dims="x")).logarithmic is logarithmic


def test_cell_borders_lie_halfway_on_the_axis():
    np.testing.assert_allclose(scales.Scale(np.array([1.0, 2, 4])).edges(), [0.5, 1.5, 3, 5])
    edges = scales.Scale(np.array([1.0, 4, 16]), logarithmic=True).edges()
    np.testing.assert_allclose(edges, [0.5, 2, 8, 32])
    assert scales.Scale(np.array([3.0])).edges() == pytest.approx([2.5, 3.5])


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        (np.geomspace(1 / 9, 9, 9), [1 / 9, 1 / 3, 1, 3, 9]),
        (np.geomspace(1 / 4, 4, 5), [0.25, 0.5, 1, 2, 4]),
        (np.array([0.7, 0.85, 1, 1.2, 1.4, 1.7, 2]), [0.7, 1, 1.5, 2]),
        (np.geomspace(1e-3, 1e3, 13), [0.001, 0.1, 10, 1000]),
        (np.array([1.02, 1.05, 1.08]), [1.02, 1.08]),
    ],
)
def test_ticks_of_geometric_coordinates(values, ticks):
    np.testing.assert_allclose(scales.log_ticks(values), ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (3e-9, 2e2, 10.0 ** np.arange(-8, 3, 2)),
        (0.5, 2e3, [1, 10, 100, 1000]),
        (0.011, 0.45, [0.02, 0.05, 0.1, 0.2]),
        (1130, 1680, [1200, 1400, 1600]),
        (7, 44, [7, 10, 20, 30]),
        (0.98, 1.01, [0.98, 0.99, 1.0, 1.01]),
    ],
)
def test_ticks_of_logarithmic_axes_of_any_range(low, high, ticks):
    np.testing.assert_allclose(decades.ticks_between(low, high), ticks)


def test_ratios_are_written_as_fractions_only_where_decimals_do_not_end(sweep):
    figure = plot.phase_maps(sweep)
    figure.draw_without_rendering()
    texts = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert texts == ["1/9", "1/3", "1", "3", "9"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (7.3712, "7.37"), (1234.5, "1230"), (86300.0, r"8.63{\times}10^{4}"),
        (1e-5, r"1{\times}10^{-5}"), (np.inf, r"\infty"),
    ],
)  # fmt: skip
def test_numbers(value, text):
    assert labels.number(value) == text


def test_labels_come_from_attributes_then_from_names():
    given = xr.DataArray(0.0, name="x", attrs={"symbol": "$q$", "units": "m", "long_name": "place"})
    assert labels.long_label(given) == "place $q$ (m)"
    assert labels.short_label(given) == "$q$ (m)"
    assert labels.short_label(xr.DataArray(0.0, name="mixture.stds[0]")) == r"$\sigma_{0}$"
    assert labels.long_label(xr.DataArray(0.0, name="my_field")) == "my field"
    sentence = {"long_name": "a long description that no axis has room for, however wide"}
    assert labels.long_label(xr.DataArray(0.0, name="my_field", attrs=sentence)) == "my field"
