"""Named, citable sweeps: a problem, a grid, figures, and the claims that the grid can check.

    find_study     a bundled study by name
    load_study     the same, or a study file in TOML
    all_studies    every bundled study
    judge          the verdict on every claim, from the study's dataset

A claim is a statement from the literature with a criterion, a pure function of the dataset; its
verdict carries the numbers it rests on, and it may well be that the claim fails.

Example:
    >>> study = find_study("phase-diagram")
    >>> study.model, study.problem.dim
    ('gradient_flow', 40)
    >>> from diffjax.sweep import find_model
    >>> model = find_model(study.model)
    >>> ds = dj.sweep(model, study.problem, study.axes)    # doctest: +SKIP
    >>> verdicts = judge(study, ds)                     # of a dataset with the axes of the study
    >>> sorted({verdict.word for verdict in verdicts.values()})    # of six points of another study
    ['holds', 'undecided']
"""

from diffjax.studies.catalogue import all_studies, find_study
from diffjax.studies.loading import load_study
from diffjax.studies.report import judge
from diffjax.studies.study import Claim, Figure, Study, Table, Verdict

__all__ = [
    "Claim",
    "Figure",
    "Study",
    "Table",
    "Verdict",
    "all_studies",
    "find_study",
    "judge",
    "load_study",
]
