"""Every example in a docstring runs and prints what it says.

Docstrings are read from the source, so that no decorator can hide one.  Examples find the names of
their module, the usual abbreviations, and small objects of the kind that their text speaks of: a
problem, a dataset of a sweep, a run folder.
"""

import ast
import contextlib
import doctest
import importlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffjax as dj
from tests import docstring_data

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SOURCE = Path(dj.__file__).parent
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SKIPPED = {
    "diffjax.asymptotics.class_order": "tests/test_documented_code.py",
    "diffjax.asymptotics.model": "tests/asymptotics/test_boundary.py",
    "diffjax.asymptotics.spectrum.outliers": "tests/asymptotics/spectrum/test_finite_size.py",
    "diffjax.comparison.model": "tests/comparison/test_model.py",
    "diffjax.random_features.generator_model": "tests/random_features/test_generator_model.py",
    "diffjax.random_features.solver_timing": "tests/random_features/test_solver_choice.py",
    "diffjax.studies": "tests/studies/test_bundled.py",
    "diffjax.sweep.cluster": "tests/cluster",
    "diffjax.unet.classifier": "tests/unet/test_measures.py",
    "diffjax.unet.fashion_mnist": "tests/unet/test_data.py",
    "diffjax.unet.model": "tests/unet/test_model.py",
    "diffjax.unet.reevaluation": "tests/unet/test_reevaluation.py",
    "diffjax.unet.run": "tests/unet/test_run.py",
    "diffjax.unet.run_dataset": "tests/unet/test_run.py",
    "diffjax.unet.stored_network": "tests/unet/test_reevaluation.py",
    "diffjax.unet.training": "tests/unet/test_training.py",
}
"""Modules with an example that takes long or a download, and where the same is tested."""


def docstrings(path: Path) -> Iterator[tuple[str, int, str]]:
    """Name, line and text of all docstrings of a module that have examples."""
    pending: list[tuple[str, ast.AST]] = [("", ast.parse(path.read_text("utf-8")))]
    while pending:
        name, node = pending.pop()
        text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
        if text and ">>>" in text:
            yield name, node.body[0].lineno, text
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, DOCUMENTED)
            pending.append((f"{name}.{child.name}" if named else name, child))


def modules() -> dict[str, list[tuple[str, int, str]]]:
    """All modules that have examples, and their docstrings."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ("diffjax", *path.relative_to(SOURCE).with_suffix("").parts)
        name = ".".join(parts).removesuffix(".__init__")
        found[name] = list(docstrings(path))
    return {name: texts for name, texts in found.items() if texts}


EXAMPLES = modules()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where runs and figures of examples are written."""
    return tmp_path_factory.mktemp("examples")


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_examples_of_a_module_print_what_they_say(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    module = importlib.import_module(name)
    given = {"dj": dj, "np": np, "jnp": jnp, "jax": jax, "problem": docstring_data.tiny_problem()}
    ds = docstring_data.dataset_for(name)
    given |= {} if ds is None else {"ds": ds, "gradient_flow": dj.gradient_flow}
    report, parser = io.StringIO(), doctest.DocTestParser()
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    for place, line, text in EXAMPLES[name]:
        test = parser.get_doctest(text, {**given, **vars(module)}, name + place, name, line)
        with contextlib.suppress(doctest.UnexpectedException):
            runner.run(test, out=report.write)
    assert runner.tries or name in SKIPPED, "no example was tried"
    assert not runner.failures, report.getvalue()


def test_examples_that_are_not_run_are_tested_elsewhere():
    texts = {name: "".join(text for _, _, text in found) for name, found in EXAMPLES.items()}
    skipped = {name for name, text in texts.items() if re.search(r"doctest:\s*\+SKIP", text)}
    assert skipped == set(SKIPPED)
    root = Path(__file__).parents[1]
    assert all((root / place).exists() for place in SKIPPED.values())
