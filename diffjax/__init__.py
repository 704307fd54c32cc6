"""diffjax: training dynamics of diffusion models on imbalanced, heterogeneous data, per class.

A score model with random features, trained by gradient flow on a Gaussian mixture, first
generalises and later memorises, at different times for different classes.  diffjax computes this
exactly for whole grids of class variance, centroid distance and imbalance ratio.

Names are loaded on first use: importing diffjax starts no JAX backend and changes no setting.

Example:
    >>> import jax; jax.config.update("jax_enable_x64", True)
    >>> import diffjax as dj
    >>> mixture = dj.two_classes(stds=(1.0, 0.5), distance=1.0, imbalance_ratio=0.25)
    >>> problem = dj.RandomFeatureProblem(mixture, dim=16, num_features=64, num_samples=32,
    ...                                   diffusion_time=0.1)
    >>> dynamics = dj.gradient_flow(problem)
    >>> bool(dynamics.generalization_time[0] < dynamics.memorization_time[0])
    True
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "diffjax.errors": ("DataWarning", "InputError", "PrecisionError", "StoreMismatch"),
    "diffjax.status": ("Status",),
    "diffjax.numerics.activations": ("Activation",),
    "diffjax.mixture": ("GaussianMixture", "TwoClasses", "two_classes"),
    "diffjax.diffusion": ("bayes_floor",),
    "diffjax.dynamics": ("LearningDynamics",),
    "diffjax.timescales": ("Timescales", "dataset_timescales"),
    "diffjax.random_features.options": ("CovarianceOptions",),
    "diffjax.random_features.problem": ("RandomFeatureProblem",),
    "diffjax.random_features.dataset_problem": ("DatasetProblem",),
    "diffjax.random_features.floor_estimate": ("FewSamplesWarning",),
    "diffjax.random_features.model": ("gradient_flow",),
    "diffjax.random_features.sharded.compute": ("gradient_flow_sharded",),
    "diffjax.random_features.solver_timing": ("measure_solvers",),
    "diffjax.random_features.generator_problem": ("GeneratorProblem",),
    "diffjax.random_features.generator_model": ("generated_classes",),
    "diffjax.random_features.training": ("TrainingRun", "stable_learning_rate", "train"),
    "diffjax.asymptotics.problem": ("AsymptoticProblem",),
    "diffjax.asymptotics.options": ("TheoryOptions",),
    "diffjax.asymptotics.model": ("asymptotic_dynamics", "boundary", "screening"),
    "diffjax.asymptotics.boundary": ("Boundary", "BoundaryProblem"),
    "diffjax.asymptotics.class_order": ("ClassOrder", "class_order", "order_of_classes"),
    "diffjax.asymptotics.class_times": ("class_times",),
    "diffjax.asymptotics.class_statistics": ("ClassStatistics", "class_statistics"),
    "diffjax.asymptotics.direction_nodes": ("DirectionNodes", "cluster_directions"),
    "diffjax.asymptotics.theory_choice": ("TheoryChoice",),
    "diffjax.comparison.limit": ("limit_of",),
    "diffjax.comparison.model": ("theory_comparison", "theory_times"),
    "diffjax.asymptotics.screening": ("Screening",),
    "diffjax.asymptotics.spectrum.compute": ("spectrum",),
    "diffjax.asymptotics.spectrum.model": ("asymptotic_spectrum",),
    "diffjax.asymptotics.spectrum.outliers": ("centroid_outliers", "spike_outliers"),
    "diffjax.asymptotics.spectrum.result": ("Spectrum",),
    "diffjax.backward.problem": ("SpeciationProblem",),
    "diffjax.backward.model": ("speciation",),
    "diffjax.backward.cloning": ("cloning_probabilities",),
    "diffjax.backward.memory": ("speciation_times",),
    "diffjax.backward.basins": ("spinodal_times", "trajectory_times"),
    "diffjax.backward.collapse": ("collapse_times",),
    "diffjax.sweep.model": ("Model", "Output", "SharedStage", "model"),
    "diffjax.sweep.grid": ("Zipped",),
    "diffjax.fields": ("sweepable_fields",),
    "diffjax.sweep.run": ("open_run",),
    "diffjax.sweep.estimate": ("explain",),
    "diffjax.sweep.averages": ("average",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_SUBPACKAGES = ("plot", "studies", "sweep", "unet")

if TYPE_CHECKING:
    from diffjax import plot as plot
    from diffjax import studies as studies
    from diffjax import unet as unet
    from diffjax.asymptotics.boundary import Boundary as Boundary
    from diffjax.asymptotics.boundary import BoundaryProblem as BoundaryProblem
    from diffjax.asymptotics.class_order import ClassOrder as ClassOrder
    from diffjax.asymptotics.class_order import class_order as class_order
    from diffjax.asymptotics.class_order import order_of_classes as order_of_classes
    from diffjax.asymptotics.class_statistics import ClassStatistics as ClassStatistics
    from diffjax.asymptotics.class_statistics import class_statistics as class_statistics
    from diffjax.asymptotics.class_times import class_times as class_times
    from diffjax.asymptotics.direction_nodes import DirectionNodes as DirectionNodes
    from diffjax.asymptotics.direction_nodes import cluster_directions as cluster_directions
    from diffjax.asymptotics.model import asymptotic_dynamics as asymptotic_dynamics
    from diffjax.asymptotics.model import boundary as boundary
    from diffjax.asymptotics.model import screening as screening
    from diffjax.asymptotics.options import TheoryOptions as TheoryOptions
    from diffjax.asymptotics.problem import AsymptoticProblem as AsymptoticProblem
    from diffjax.asymptotics.screening import Screening as Screening
    from diffjax.asymptotics.spectrum.compute import spectrum as spectrum
    from diffjax.asymptotics.spectrum.model import asymptotic_spectrum as asymptotic_spectrum
    from diffjax.asymptotics.spectrum.outliers import centroid_outliers as centroid_outliers
    from diffjax.asymptotics.spectrum.outliers import spike_outliers as spike_outliers
    from diffjax.asymptotics.spectrum.result import Spectrum as Spectrum
    from diffjax.asymptotics.theory_choice import TheoryChoice as TheoryChoice
    from diffjax.backward.basins import spinodal_times as spinodal_times
    from diffjax.backward.basins import trajectory_times as trajectory_times
    from diffjax.backward.cloning import cloning_probabilities as cloning_probabilities
    from diffjax.backward.collapse import collapse_times as collapse_times
    from diffjax.backward.memory import speciation_times as speciation_times
    from diffjax.backward.model import speciation as speciation
    from diffjax.backward.problem import SpeciationProblem as SpeciationProblem
    from diffjax.comparison.limit import limit_of as limit_of
    from diffjax.comparison.model import theory_comparison as theory_comparison
    from diffjax.comparison.model import theory_times as theory_times
    from diffjax.diffusion import bayes_floor as bayes_floor
    from diffjax.dynamics import LearningDynamics as LearningDynamics
    from diffjax.errors import DataWarning as DataWarning
    from diffjax.errors import InputError as InputError
    from diffjax.errors import PrecisionError as PrecisionError
    from diffjax.errors import StoreMismatch as StoreMismatch
    from diffjax.fields import sweepable_fields as sweepable_fields
    from diffjax.mixture import GaussianMixture as GaussianMixture
    from diffjax.mixture import TwoClasses as TwoClasses
    from diffjax.mixture import two_classes as two_classes
    from diffjax.numerics.activations import Activation as Activation
    from diffjax.random_features.dataset_problem import DatasetProblem as DatasetProblem
    from diffjax.random_features.floor_estimate import FewSamplesWarning as FewSamplesWarning
    from diffjax.random_features.generator_model import generated_classes as generated_classes
    from diffjax.random_features.generator_problem import GeneratorProblem as GeneratorProblem
    from diffjax.random_features.model import gradient_flow as gradient_flow
    from diffjax.random_features.options import CovarianceOptions as CovarianceOptions
    from diffjax.random_features.problem import RandomFeatureProblem as RandomFeatureProblem
    from diffjax.random_features.sharded.compute import (
        gradient_flow_sharded as gradient_flow_sharded,
    )
    from diffjax.random_features.solver_timing import measure_solvers as measure_solvers
    from diffjax.random_features.training import TrainingRun as TrainingRun
    from diffjax.random_features.training import stable_learning_rate as stable_learning_rate
    from diffjax.random_features.training import train as train
    from diffjax.status import Status as Status
    from diffjax.sweep.averages import average as average
    from diffjax.sweep.estimate import explain as explain
    from diffjax.sweep.grid import Zipped as Zipped
    from diffjax.sweep.model import Model as Model
    from diffjax.sweep.model import Output as Output
    from diffjax.sweep.model import SharedStage as SharedStage
    from diffjax.sweep.model import model as model
    from diffjax.sweep.run import open_run as open_run
    from diffjax.sweep.run import sweep as sweep
    from diffjax.timescales import Timescales as Timescales
    from diffjax.timescales import dataset_timescales as dataset_timescales

__all__ = [*sorted(_HOME_OF), *_SUBPACKAGES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(_HOME_OF[name]), name)
    elif name in _SUBPACKAGES:
        value = importlib.import_module(f"diffjax.{name}")
    else:
        raise AttributeError(f"module 'diffjax' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
