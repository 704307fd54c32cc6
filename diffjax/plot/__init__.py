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
    copy_curves           memorised fractions and class shares of generated samples
    copy_order            which class is copied first, by both criteria and by the loss
    potential_ridge       the potential of the backward drift, one curve per diffusion time
    overlay_curves        learning curves: theory as lines, finite systems as points
    overlay_phase_maps    which class is first by the theory, with the boundary of finite systems
    overlay_spectrum      histogram of eigenvalues, with the density of the theory per bulk
    image_curves          losses, copies and class shares of a U-Net against training step
    image_grid            images it generates, copies beside the training image
    predicted_order       order of two classes in a U-Net against predictions
    error_scaling         deviation of finite systems from the theory against their size
    log_ratio             the field that phase_maps draws
    save                  PNG and PDF, the same bytes for the same figure

Functions draw into the axes they are given, or into a new figure that pyplot does not know of; in
an interactive session pass axes of `pyplot.subplots()`. Symbols and units on the labels are the
attributes `symbol`, `units` and `long_name` of the variables.
"""

from diffjax.plot.against import times_against
from diffjax.plot.comparison import log_ratio
from diffjax.plot.curves import learning_curves, score_error_curves
from diffjax.plot.generated import copy_curves
from diffjax.plot.generated_order import copy_order
from diffjax.plot.maps import phase, phase_maps
from diffjax.plot.overlay_curves import overlay_curves
from diffjax.plot.overlay_maps import overlay_phase_maps
from diffjax.plot.overlay_scaling import error_scaling
from diffjax.plot.overlay_spectrum import overlay_spectrum
from diffjax.plot.potential import potential_ridge
from diffjax.plot.speciation import delay_curves, delay_map, speciation_curves
from diffjax.plot.spectrum import eigenvalue_histogram
from diffjax.plot.style import save
from diffjax.plot.unet_curves import image_curves
from diffjax.plot.unet_images import image_grid
from diffjax.plot.unet_prediction import predicted_order

__all__ = [
    "copy_curves",
    "copy_order",
    "delay_curves",
    "delay_map",
    "eigenvalue_histogram",
    "error_scaling",
    "image_curves",
    "image_grid",
    "learning_curves",
    "log_ratio",
    "overlay_curves",
    "overlay_phase_maps",
    "overlay_spectrum",
    "phase",
    "phase_maps",
    "potential_ridge",
    "predicted_order",
    "save",
    "score_error_curves",
    "speciation_curves",
    "times_against",
]
