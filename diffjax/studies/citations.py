"""BibTeX of the theory that the models rest on, and of the software."""

from collections.abc import Iterable

from diffjax.errors import InputError

SOFTWARE = "diffjax"

BIBTEX = {
    "arXiv:2605.06367": """\
@misc{nicoletti2026interplay,
  title         = {The Interplay of Data Structure and Imbalance in the Learning Dynamics of
                   Diffusion Models},
  author        = {Nicoletti, Flavio and Ma, Chenxiao and Ventura, Enrico and Saglietti, Luca and
                   Sarao Mannelli, Stefano},
  year          = {2026},
  eprint        = {2605.06367},
  archiveprefix = {arXiv},
  primaryclass  = {stat.ML},
  url           = {https://arxiv.org/abs/2605.06367}
}""",
    "arXiv:2505.17638": """\
@inproceedings{bonnaire2025why,
  title         = {Why Diffusion Models Don't Memorize: The Role of Implicit Dynamical
                   Regularization in Training},
  author        = {Bonnaire, Tony and Urfin, Rapha{\\"e}l and Biroli, Giulio and
                   M{\\'e}zard, Marc},
  booktitle     = {Advances in Neural Information Processing Systems},
  year          = {2025},
  eprint        = {2505.17638},
  archiveprefix = {arXiv},
  url           = {https://arxiv.org/abs/2505.17638}
}""",
    "arXiv:1708.07747": """\
@misc{xiao2017fashion,
  title         = {Fashion-{MNIST}: a Novel Image Dataset for Benchmarking Machine Learning
                   Algorithms},
  author        = {Xiao, Han and Rasul, Kashif and Vollgraf, Roland},
  year          = {2017},
  eprint        = {1708.07747},
  archiveprefix = {arXiv},
  primaryclass  = {cs.LG},
  url           = {https://arxiv.org/abs/1708.07747}
}""",
    SOFTWARE: """\
@software{diffjax,
  title   = {diffjax: training dynamics of diffusion models on heterogeneous and imbalanced data},
  author  = {{The diffjax developers}},
  version = {VERSION},
  year    = {2026},
  license = {Apache-2.0}
}""",
}
"""Key, as models name it, to entry: the questions per class, the homogeneous predecessor whose
training clock is used, the images, and diffjax itself."""


def bibtex(keys: Iterable[str], version: str) -> str:
    """The entries of these keys and of the software, each once.

    Args:
        keys: keys of `BIBTEX`.
        version: the installed version of the software.

    Raises:
        InputError: a key is unknown.
    """
    wanted = dict.fromkeys([*keys, SOFTWARE])
    for key in wanted:
        if key not in BIBTEX:
            raise InputError(
                f"citation {key!r} is unknown", f"known are {', '.join(BIBTEX)}", "use one of these"
            )
    return "\n\n".join(BIBTEX[key] for key in wanted).replace("VERSION", version)
