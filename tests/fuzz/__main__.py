"""`python -m tests.fuzz`: malformed and extreme input of every kind; 1 if any case misbehaves."""

import argparse
import os
import sys


def main() -> int:
    """Share the cases among the kinds of input, print the table and every fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="over all kinds of input")
    parser.add_argument("--seed", type=int, default=0, help="of the generators")
    options = parser.parse_args()
    os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", OPENBLAS_NUM_THREADS="1")
    os.environ.setdefault("MPLBACKEND", "Agg")
    import warnings

    from tests.fuzz.campaign import table
    from tests.fuzz.kinds import KINDS, run

    warnings.simplefilter("ignore")
    shares = {name: options.cases // len(KINDS) for name in KINDS}
    outcomes = [run(name, cases, options.seed) for name, cases in shares.items()]
    print(table(outcomes))
    for outcome in outcomes:
        for fault, example in outcome.faults.items():
            print(f"\n{outcome.kind}: {fault}\n    {example}")
    return int(any(outcome.faults for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
