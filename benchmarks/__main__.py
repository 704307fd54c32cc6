"""`python -m benchmarks`: measure, print a table, write JSON."""

import argparse
import os
import sys
from pathlib import Path

SIZES = (512, 1024)
TIMES = (128, None)


def main() -> int:
    """Run the chosen cases; 1 if contenders disagree."""
    options = _parser().parse_args()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if options.blas_kernels == "detect":
        os.environ.pop("OPENBLAS_CORETYPE", None)
    elif options.blas_kernels:
        os.environ["OPENBLAS_CORETYPE"] = options.blas_kernels
    from benchmarks import machine, report
    from benchmarks.standalone import MODULES, Disagreement

    facts, rows = machine.facts(), []
    try:
        for name, size in _runs(options):
            label = "" if name in MODULES else f" {size.label}"
            print(f"{name}{label} ...", file=sys.stderr, flush=True)
            rows += _case(name, size)
    except Disagreement as problem:
        print(f"stopped before timing: {problem}", file=sys.stderr)
        return 1
    report.show(rows, facts)
    if options.markdown:
        options.markdown.write_text(report.markdown(rows))
    if options.json:
        paths = ("json", "markdown")
        settings = {k: str(v) for k, v in vars(options).items() if k not in paths}
        report.write(options.json, rows, facts, settings)
    return 0


def _case(name: str, size) -> list:
    from benchmarks.exact_engine import CASES
    from benchmarks.standalone import MODULES, rows_of

    return rows_of(name, size.quick) if name in MODULES else CASES[name](size)


def _runs(options: argparse.Namespace):
    """Cases with sizes; a case that does not depend on the size or time grid runs once."""
    from benchmarks.exact_engine import CASES, Size
    from benchmarks.standalone import MODULES

    sizes = options.sizes or ((64,) if options.quick else SIZES)
    times = (32,) if options.quick else tuple(None if t == 0 else t for t in options.times)
    for name in options.case or (*CASES, *MODULES):
        if name in MODULES:
            yield name, Size(sizes[0], None, options.rounds, options.quick)
            continue
        once = name in ("machine", "compile", "explicit")
        for num_features in sizes:
            for count in times[-1:] if once else times:
                yield name, Size(num_features, count, options.rounds, options.quick)


def _parser() -> argparse.ArgumentParser:
    from benchmarks.exact_engine import CASES
    from benchmarks.standalone import MODULES

    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to try the harness")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    parser.add_argument("--markdown", type=Path, help="write the table for a README to this file")
    parser.add_argument("--case", nargs="+", choices=[*CASES, *MODULES], help="default: all")
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of features p")
    parser.add_argument(
        "--times",
        nargs="+",
        type=int,
        default=[128, 0],
        help="training times per curve; 0 for the engine's default of 481 (default: 128 0)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    parser.add_argument(
        "--blas-kernels",
        help="OPENBLAS_CORETYPE for all contenders, or 'detect' to clear a setting of the "
        "environment (default: as the environment says)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
