"""`Spectrum`: everything that the theory says about the eigenvalues of p U."""

from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from numpy.typing import ArrayLike

from diffjax.asymptotics.spectrum.bulks import Bulk
from diffjax.asymptotics.spectrum.density import SpectralDensity
from diffjax.errors import InputError
from diffjax.typing import Float, Int

if TYPE_CHECKING:
    import xarray as xr


class Spectrum(eqx.Module):
    """The limiting spectrum of p U; masses are shares of all eigenvalues and sum to one.

    Attributes:
        eigenvalues: (L,) the grid lambda.
        density: (L,) with respect to lambda, without atoms.
        cumulative: (L,) mass below lambda, atoms included; exact at every lambda for itself.
        point_status: (L,) `Status` at every lambda.
        atom_locations: (A,) eigenvalues that many neurons share exactly.
        atom_masses: (A,) their masses.
        bulks: connected parts of the support, highest first.
        outliers: (O,) isolated eigenvalues, highest first; nan for one that is predicted inside
            the bulk.  Empty unless it was asked for them.
        resolved: density and mass on a grid that resolves every edge.
        status: worst outcome: NOT_CONVERGED if a solution failed, COARSE if a quadrature is or
            if the masses or the integral of the density miss one by more than 1e-3.
    """

    eigenvalues: Float[np.ndarray, " eigenvalue"]
    density: Float[np.ndarray, " eigenvalue"]
    cumulative: Float[np.ndarray, " eigenvalue"]
    point_status: Int[np.ndarray, " eigenvalue"]
    atom_locations: Float[np.ndarray, " atom"]
    atom_masses: Float[np.ndarray, " atom"]
    bulks: tuple[Bulk, ...] = eqx.field(static=True)
    outliers: Float[np.ndarray, " outlier"]
    resolved: SpectralDensity
    status: Int[np.ndarray, ""]

    @property
    def integral(self) -> float:
        """The integral of the density over the resolved grid, plus atoms; one."""
        lam, density = np.asarray(self.resolved.eigenvalues), np.asarray(self.resolved.density)
        return float(np.trapezoid(density, lam) + self.atom_masses.sum())

    def quantile(self, share: ArrayLike) -> np.ndarray:
        """The eigenvalue below which a share of all eigenvalues lies, by interpolation.

        Args:
            share: between 0 and 1, any shape.

        Raises:
            InputError: a share out of range.

        Example:
            >>> theory = dj.AsymptoticProblem(dj.GaussianMixture([1.0], [1.0]), 64.0, 8.0, 0.01)
            >>> float(dj.spectrum(theory).quantile(0.5).round(5))
            0.00187
        """
        share = np.asarray(share, float)
        if not ((share >= 0) & (share <= 1)).all():
            raise InputError(f"share={share}", "shares between 0 and 1", "divide by the total")
        mass = np.maximum.accumulate(np.asarray(self.resolved.cumulative))
        rising = np.flatnonzero(np.diff(mass, prepend=-np.inf) > 1e-12)
        log_eigenvalues = np.log(np.asarray(self.resolved.eigenvalues))
        places = np.unique(np.concatenate([rising, np.maximum(rising - 1, 0)]))
        return np.exp(np.interp(share, mass[places], log_eigenvalues[places]))

    def to_dataset(self) -> "xr.Dataset":
        """Density and mass over `eigenvalue`, bulks over `bulk`, atoms and outliers."""
        import xarray as xr

        bulk = {
            "bulk_lower": [x.lower for x in self.bulks],
            "bulk_upper": [x.upper for x in self.bulks],
            "bulk_mass": [x.mass for x in self.bulks],
            "bulk_kind": np.array([x.kind for x in self.bulks], str),
            "bulk_class": [-1 if x.class_label is None else x.class_label for x in self.bulks],
        }
        along = {
            "eigenvalue": {"density": self.density, "cumulative": self.cumulative,
                           "point_status": self.point_status},
            "bulk": bulk,
            "atom": {"atom_location": self.atom_locations, "atom_mass": self.atom_masses},
            "outlier": {"outliers": self.outliers},
        }  # fmt: skip
        variables = {
            name: ((dim,), np.asarray(values))
            for dim, entries in along.items()
            for name, values in entries.items()
        }
        dataset = xr.Dataset(variables, coords={"eigenvalue": np.asarray(self.eigenvalues)})
        dataset["status"] = ((), np.int8(self.status))
        return _described(dataset)


_LABELS = {
    "eigenvalue": ("eigenvalue of p U", r"\lambda"),
    "density": ("density of eigenvalues, without atoms", r"\rho(\lambda)"),
    "cumulative": ("share of eigenvalues below lambda", r"N(\lambda)"),
    "bulk_mass": ("share of all eigenvalues", ""),
    "bulk_class": ("class of the bulk, -1 for several", ""),
    "outliers": ("isolated eigenvalues of p U", r"\lambda"),
}


def _described(dataset: "xr.Dataset") -> "xr.Dataset":
    for name, (description, symbol) in _LABELS.items():
        dataset[name].attrs.update(long_name=description, units="1", symbol=symbol)
    return dataset
