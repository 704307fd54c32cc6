"""`python -m benchmarks`: measure, print a table and the ratios, write JSON."""

import argparse
import os
import sys
from pathlib import Path

EPILOG = "Exit code: 0, 1 if a case failed, 2 for bad arguments, 130 after Ctrl-C."


def main() -> int:
    """Run the chosen cases; 1 if one of them failed."""
    options = _parser().parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if options.blas_kernels == "detect":
        os.environ.pop("OPENBLAS_CORETYPE", None)
    elif options.blas_kernels:
        os.environ["OPENBLAS_CORETYPE"] = options.blas_kernels
    from benchmarks import comparison

    try:
        old = comparison.read(options.compare) if options.compare else None
    except comparison.NotResults as problem:
        print(problem, file=sys.stderr)
        return 2
    return _measure(options, old)


def _measure(options: argparse.Namespace, old) -> int:
    from benchmarks import comparison, machine, ratios, report
    from benchmarks.contest import measured_limits
    from benchmarks.suite import run_all, tasks_of
    from benchmarks.timing import shared_cache

    tasks = list(tasks_of(options))
    facts = machine.facts()
    with shared_cache():
        limits = measured_limits(tasks[0].size.num_features, transport=True)
        outcome = run_all(tasks)
    report.show(outcome.rows, facts)
    _write(options, outcome, facts, {k: v for k, v in limits.items() if isinstance(v, dict)})
    if old is not None:
        comparison.show(old, comparison.Results(facts, outcome.rows))
    for label, reason in outcome.failed.items():
        print(f"FAILED {label}: {reason}", file=sys.stderr)
    ratios.show(outcome.rows, options.quick)
    return outcome.exit_code


def _write(options: argparse.Namespace, outcome, facts: dict, limits: dict) -> None:
    """JSON, markdown and history, as asked for."""
    from benchmarks import history, ratios, report

    settings = {k: str(v) for k, v in vars(options).items() if not isinstance(v, Path)}
    more = {
        "limits": limits,
        "seconds": outcome.seconds,
        "failed": outcome.failed,
        "interrupted": outcome.interrupted,
    }
    if options.json:
        report.write(options.json, outcome.rows, facts, settings, **more)
    if options.markdown:
        tables = ratios.markdown(outcome.rows, options.quick), report.markdown(outcome.rows)
        options.markdown.write_text("## Ratios\n\n{}\n## Every number\n\n{}".format(*tables))
    full = not (options.quick or options.case or options.sizes or outcome.interrupted)
    if options.history or full:
        history.append(options.history or history.DEFAULT, outcome.rows, facts, settings, **more)


def _parser() -> argparse.ArgumentParser:
    from benchmarks.suite import ALL, ROUNDS

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=EPILOG
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the harness")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument(
        "--markdown", type=Path, help="write the ratios and all numbers for a README to this file"
    )
    parser.add_argument(
        "--history",
        type=Path,
        help="append the run to this file (default: benchmarks/results/history.jsonl after a "
        "run of all cases, no file otherwise)",
    )
    parser.add_argument(
        "--compare", type=Path, help="say what changed since this file of --json or --history"
    )
    parser.add_argument("--case", nargs="+", choices=ALL, help="default: all")
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of features p")
    parser.add_argument(
        "--times",
        nargs="+",
        type=int,
        default=[128, 0],
        help="training times per curve; 0 for the engine's default of 481 (default: 128 0)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"interleaved rounds (default: {ROUNDS}, 3 for the longest grid, 2 with --quick)",
    )
    parser.add_argument(
        "--blas-kernels",
        help="OPENBLAS_CORETYPE for all contenders, or 'detect' to clear a setting of the "
        "environment (default: as the environment says)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
