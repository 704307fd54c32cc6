"""Figures: an `xarray.Dataset` in, matplotlib axes out; nothing is computed but means and ratios.

    phase_maps            which class is first, over two coordinates, one panel per value of a third
    phase                 colour map of any field of two dimensions
    learning_curves       train and test loss per class, with the times of interest
    score_error_curves    normalised score error per class
    eigenvalue_histogram  spectrum of the feature covariance
    times_against         per-class times against one coordinate
    speciation_curves     probability to come back to one's class in backward diffusion
    delay_map             how much later one class is told apart, over two coordinates
    delay_curves          that delay against one coordinate, with its limiting laws
    potential_ridge       the potential of the backward drift, one curve per diffusion time
    log_ratio             the field that phase_maps draws
    save                  PNG and PDF, the same bytes for the same figure

Functions draw into the axes they are given, or into a new figure that pyplot does not know of; in
an interactive session pass axes of `pyplot.subplots()`. Symbols and units on the labels are the
attributes `symbol`, `units` and `long_name` of the variables.
"""

from diffjax.plot.against import times_against
from diffjax.plot.comparison import log_ratio
from diffjax.plot.curves import learning_curves, score_error_curves
from diffjax.plot.maps import phase, phase_maps
from diffjax.plot.potential import potential_ridge
from diffjax.plot.speciation import delay_curves, delay_map, speciation_curves
from diffjax.plot.spectrum import eigenvalue_histogram
from diffjax.plot.style import save

__all__ = [
    "delay_curves",
    "delay_map",
    "eigenvalue_histogram",
    "learning_curves",
    "log_ratio",
    "phase",
    "phase_maps",
    "potential_ridge",
    "save",
    "score_error_curves",
    "speciation_curves",
    "times_against",
]
