"""Overlays of theory and finite systems: lines are the theory, points the systems."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import QuadMesh

from diffjax import plot
from diffjax.errors import InputError
from diffjax.plot import style
from diffjax.plot.deviations import largest_deviation
from diffjax.plot.power_law import fit_power_law

from .two_rates import KAPPA, TIMES, two_rate_sweep

LOSSES = ("train_loss", "test_loss")


@pytest.fixture(scope="module")
def both():
    """Finite systems scattered around the theory, which is the sweep without scatter."""
    theory = two_rate_sweep().isel(seed=0, drop=True)
    finite = two_rate_sweep(seeds=3)
    names = (*LOSSES, "generalization_time")
    return finite.assign({f"theory_{n}": theory[n].broadcast_like(finite[n]) for n in names})


@pytest.fixture
def pair(both):
    """One grid point of both."""
    return both.isel(std_ratio=5, distance=1, imbalance_ratio=4).copy(deep=True)


def lines_of(ax):
    return [line for line in ax.lines if len(line.get_xdata()) == len(TIMES)]


def points_of(ax):
    return [container.lines[0] for container in ax.containers]


def test_lines_are_the_theory_and_points_the_mean_over_realisations(pair):
    ax = plot.overlay_curves(pair)
    lines = lines_of(ax)
    assert [line.is_dashed() for line in lines] == [True, True, False, False]
    np.testing.assert_allclose(lines[2].get_ydata(), pair["theory_test_loss"].values[0, 0])
    x, y = points_of(ax)[2].get_data()
    chosen = np.searchsorted(TIMES, np.asarray(x) * (1 - 1e-9))
    np.testing.assert_allclose(y, pair["test_loss"].mean("seed").values[0, chosen])
    assert 10 <= len(x) <= 24
    assert ax.get_xlim()[0] <= min(x) and max(x) <= ax.get_xlim()[1]


def test_bars_are_standard_errors(pair):
    ax = plot.overlay_curves(pair)
    container = ax.containers[2]
    x = np.asarray(container.lines[0].get_xdata())
    chosen = np.searchsorted(TIMES, x * (1 - 1e-9))
    (bars,) = container.lines[2]
    heights = np.array([segment[1, 1] - segment[0, 1] for segment in bars.get_segments()])
    error = pair["test_loss"].std("seed", ddof=1).values[0, chosen] / np.sqrt(3)
    np.testing.assert_allclose(heights, 2 * error, atol=1e-12)


def test_the_theory_may_come_from_another_dataset(pair):
    finite = pair.drop_vars([f"theory_{name}" for name in LOSSES])
    theory = pair.isel(seed=0, drop=True)[[f"theory_{name}" for name in LOSSES]]
    theory = theory.rename({f"theory_{name}": name for name in LOSSES})
    separate = lines_of(plot.overlay_curves(finite, theory))
    joint = lines_of(plot.overlay_curves(pair))
    for one, other in zip(separate, joint, strict=True):
        np.testing.assert_allclose(one.get_ydata(), other.get_ydata(), rtol=1e-14)
    with pytest.raises(InputError, match="theory_train_loss"):
        plot.overlay_curves(finite)


def test_classes_and_meanings_are_in_the_legends(pair):
    ax = plot.overlay_curves(pair)
    texts = {t.get_text() for legend in ax.get_children() if hasattr(legend, "get_texts")
             for t in legend.get_texts()}  # fmt: skip
    assert texts == {"class 0", "class 1", "train, theory", "test, theory", "finite systems"}


def map_axes(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def test_colours_are_the_theory_and_the_discs_the_mean_boundary(both):
    shifted = both.copy(deep=True)
    shifted["generalization_time"][..., 0] *= 2.0  # all finite boundaries move
    figure = plot.overlay_phase_maps(shifted, x="imbalance_ratio", y="std_ratio", panel="distance")
    ax = map_axes(figure)[1]
    mesh = next(c for c in ax.collections if isinstance(c, QuadMesh))
    times = both["theory_generalization_time"].isel(distance=1, seed=0)
    expected = np.log10(times.isel({"class": 0}) / times.isel({"class": 1}))
    np.testing.assert_allclose(mesh.get_array(), expected, atol=1e-10)
    discs = [line for line in ax.lines if line.get_marker() == "o"]
    imbalance, std = np.concatenate([line.get_xydata() for line in discs]).T
    slope = 2 + KAPPA * float(both["distance"][1])
    np.testing.assert_allclose(np.log(imbalance), np.log(2.0) - slope * np.log(std), atol=1e-9)
    dashed = [line for line in ax.lines if line.is_dashed()]
    assert len(dashed) == shifted.sizes["seed"]


def test_a_coarser_grid_may_bring_the_boundary(both):
    theory = both.isel(seed=0, drop=True).isel(distance=2)
    theory = theory.drop_vars([f"theory_{n}" for n in (*LOSSES, "generalization_time")])
    coarse = both.isel(distance=2, std_ratio=slice(None, None, 2), imbalance_ratio=[0, 4, 8])
    figure = plot.overlay_phase_maps(theory, finite=coarse, x="imbalance_ratio", y="std_ratio")
    (ax,) = map_axes(figure)
    assert any(line.get_marker() == "o" for line in ax.lines)
    alone = plot.overlay_phase_maps(theory, x="imbalance_ratio", y="std_ratio")
    assert not any(line.get_marker() == "o" for line in map_axes(alone)[0].lines)
    with pytest.raises(InputError, match="panels"):
        plot.overlay_phase_maps(theory, finite=both, x="imbalance_ratio", y="std_ratio", panel=None)


def test_titles_replace_those_of_the_panels(both):
    arguments = {"x": "imbalance_ratio", "y": "std_ratio", "panel": "distance"}
    titles = ["a", "b", "c", "d"]
    figure = plot.overlay_phase_maps(both, titles=titles, **arguments)
    assert [ax.get_title() for ax in map_axes(figure)] == titles
    with pytest.raises(InputError, match="titles"):
        plot.overlay_phase_maps(both, titles=["a"], **arguments)


def test_power_laws_are_found():
    sizes = np.array([10.0, 20, 40, 80])
    law = fit_power_law(sizes, 3 * sizes**-1.3)
    assert law.exponent == pytest.approx(-1.3)
    assert law.prefactor == pytest.approx(3.0)
    assert law.standard_error == pytest.approx(0, abs=1e-9)
    noisy = 3 * sizes**-1.3 * np.exp([0.1, -0.1, 0.2, -0.05])
    expected = np.polyfit(np.log(sizes), np.log(noisy), 1, cov=True)[1][0, 0] ** 0.5
    assert fit_power_law(sizes, noisy).standard_error == pytest.approx(expected)
    slopes = [
        fit_power_law([10, 20, 40], [1 / 10, 1 / 20, 1 / 40] * (1 + 0.01 * draw)).exponent
        for draw in np.random.default_rng(0).normal(size=(2000, 3))
    ]
    exact = fit_power_law([10, 20, 40], [1 / 10, 1 / 20, 1 / 40], [0.001, 0.0005, 0.00025])
    assert exact.standard_error == pytest.approx(np.std(slopes), rel=0.06)
    with pytest.raises(InputError, match="two or more"):
        fit_power_law([10, 10], [1, 2])
    with pytest.raises(InputError, match="positive"):
        fit_power_law([10, 20], [1, 0])


def scaled(exponent, seeds=4):
    """Curves whose deviation from a theory of exp(-tau) is 0.8 d**exponent, the most in class 1."""
    dims, tau = np.array([25, 50, 100, 200]), np.geomspace(0.1, 100, 31)
    theory = np.exp(-tau)[None] * np.array([[1.0], [3.0]])
    bump = np.exp(-(np.log(tau / 3) ** 2))[None] * np.array([[0.2], [0.8]])
    signs = np.linspace(0.5, 1.5, seeds)
    size = dims.astype(float) ** exponent
    found = theory + size[:, None, None, None] * signs[:, None, None] * bump
    dims4 = ("size", "seed", "class", "training_time")
    curve = xr.Variable(("class", "training_time"), theory)
    return xr.Dataset(
        dict.fromkeys(LOSSES, (dims4, found)) | {f"theory_{n}": curve for n in LOSSES},
        coords={"dim": ("size", dims), "training_time": tau, "class": [0, 1]},
    )


def test_deviations_are_those_of_the_mean_curve():
    found = largest_deviation(scaled(-1.0), "train_loss")
    ds = scaled(-1.0)
    mean = (ds["train_loss"].mean("seed") - ds["theory_train_loss"]).values
    scale = np.maximum(ds["theory_train_loss"].values, 1)
    np.testing.assert_allclose(found.mean, np.abs(mean / scale).max((1, 2)), rtol=1e-12)
    # the deviation is a mean over realisations: its jackknife error is the usual one
    signs = np.linspace(0.5, 1.5, 4)
    expected = found.mean * signs.std(ddof=1) / 2
    np.testing.assert_allclose(found.standard_error, expected, rtol=1e-9)
    assert (largest_deviation(ds.isel(seed=[1]), "train_loss").standard_error == 0).all()


def test_the_figure_names_the_exponent():
    figure = plot.error_scaling(scaled(-1.0), line=None, panel=None)
    texts = [ax.get_legend().get_texts()[0].get_text() for ax in figure.axes]
    assert len(texts) == 2
    assert all("-1.00" in text for text in texts)
    ends = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2][-1]
    slope = np.diff(np.log(ends.get_ydata())) / np.diff(np.log(ends.get_xdata()))
    assert slope == pytest.approx(-1.0)


def spectrum_of_theory():
    """Two bulks, flat in the logarithm, and an atom."""
    grid = np.geomspace(1e-2, 10, 301)
    low, high = (grid > 0.1) & (grid < 0.3), (grid > 1) & (grid < 4)
    density = (0.2 * low / np.log(3) + 0.3 * high / np.log(4)) / grid
    return xr.Dataset(
        {
            "density": ("eigenvalue", density),
            "bulk_lower": ("bulk", [0.1, 1.0]),
            "bulk_upper": ("bulk", [0.3, 4.0]),
            "bulk_mass": ("bulk", [0.2, 0.3]),
            "bulk_kind": ("bulk", ["memorisation", "generalisation"]),
            "bulk_class": ("bulk", [1, -1]),
            "atom_location": ("atom", [0.02]),
            "atom_mass": ("atom", [0.5]),
            "outliers": ("outlier", [30.0, np.nan]),
        },
        coords={"eigenvalue": grid},
    )


def test_spectrum_histogram_and_density_have_the_same_measure():
    rng = np.random.default_rng(0)
    draws = np.exp([*rng.uniform(np.log(0.1), np.log(0.3), 2000),
                    *rng.uniform(0, np.log(4), 3000), *np.full(5000, np.log(0.02))])  # fmt: skip
    ds = xr.Dataset({"eigenvalues": ("eigenvalue", np.sort(draws))})
    ax = plot.overlay_spectrum(ds, spectrum_of_theory(), bins=120)
    heights, edges, _ = ax.patches[0].get_data()
    assert (heights * np.diff(np.log10(edges))).sum() == pytest.approx(1.0)
    inside = (edges[:-1] > 1.2) & (edges[1:] < 3.5)
    generalisation = ax.lines[1].get_ydata()
    middle = generalisation[len(generalisation) // 2]
    assert heights[inside].mean() == pytest.approx(middle, rel=0.05)
    assert middle == pytest.approx(0.3 / np.log10(4), rel=1e-6)


def test_bulks_have_colours_names_and_masses():
    ds = xr.Dataset({"eigenvalues": ("eigenvalue", np.geomspace(0.02, 4, 40))})
    ax = plot.overlay_spectrum(ds, spectrum_of_theory())
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [
        "finite system", "memorisation, class 1: 0.2", "generalisation: 0.3", "atom: 0.5",
        "outliers",
    ]  # fmt: skip
    assert [line.get_color() for line in ax.lines[:2]] == [style.class_color(i) for i in (0, 1)]
    low = ax.lines[0].get_xdata()
    assert low.min() >= 0.1 and low.max() <= 0.3
    (outlier,) = [line for line in ax.lines if line.get_marker() == "v"]
    assert list(outlier.get_xdata()) == [30.0]
    assert ax.get_xlim()[1] > 30


def test_residual_eigenvalues_without_edges_reach_up_to_the_next_bulk():
    theory = spectrum_of_theory()
    theory["bulk_lower"][0], theory["bulk_upper"][0] = np.nan, np.nan
    ds = xr.Dataset({"eigenvalues": ("eigenvalue", np.geomspace(0.02, 4, 40))})
    drawn = plot.overlay_spectrum(ds, theory).lines[0].get_xdata()
    assert drawn.min() == theory["eigenvalue"].min()
    assert 0.9 < drawn.max() <= 1.0


def test_what_an_overlay_of_spectra_needs_is_named():
    ds = xr.Dataset({"eigenvalues": ("eigenvalue", np.geomspace(0.02, 4, 40))})
    with pytest.raises(InputError, match="density"):
        plot.overlay_spectrum(ds, ds)
    with pytest.raises(InputError, match="bins"):
        plot.overlay_spectrum(ds, spectrum_of_theory(), bins=0)
