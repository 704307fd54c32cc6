"""The table of ratios is put together from rows, whatever they are called."""

from benchmarks import ratios
from benchmarks.report import against, below, measured

LINES = {ratio.key: number for number, ratio in enumerate(ratios.RATIOS)}


def cells(rows, key):
    """What is measured and whether it is met."""
    return ratios.table(rows)[LINES[key]][3:]


def test_rows_that_were_not_run_say_so():
    table = ratios.table([])
    assert len(table) == 9
    assert {line[3] for line in table} == {
        "not run",
        "no accelerator here: python -m benchmarks.accelerator",
    }


def test_a_line_lists_its_rows_by_quantity_and_is_met_if_all_are():
    rows = [
        against("64 points p=512, 1 core", "NumPy / engine", 1.5, 1.4, ratio="grid"),
        against("64 points p=1024, 1 core", "NumPy / engine", 1.25, 1.15, ratio="grid"),
        measured("64 points p=512, 1 core", "with sharing", [1.2, 1.1, 1.3], ratio="grid"),
        against("elsewhere", "NumPy / engine", 0.1, 1.15),
    ]
    text, verdict = cells(rows, "grid")
    assert text == "NumPy / engine: 1.5 (p=512, 1 core), 1.25 (p=1024, 1 core); " + (
        "with sharing: 1.2 (p=512, 1 core)"
    )
    assert verdict == "yes"
    assert cells(rows, "devices") == ("not run", "")


def test_a_missed_ratio_is_explained():
    rows = [
        below("one point", "cold", [4.0, 4.1, 4.2], 5.0, ratio="compile"),
        below("one point", "warm", 0.8, 0.5, ratio="compile"),
    ]
    text, verdict = cells(rows, "compile")
    assert text == "cold: 4.1 s (one point); warm: 0.8 s (one point)"
    assert verdict.startswith("1 of 2: ") and "tracing" in verdict
    assert cells(rows[1:], "compile")[1].startswith("no: ")


def test_markdown_has_a_line_per_ratio():
    lines = ratios.markdown([]).splitlines()
    assert len(lines) == 2 + len(ratios.RATIOS)
    assert all(line.count("|") == 6 for line in lines)
