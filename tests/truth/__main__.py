"""`python -m tests.truth`: random problems, each computed again more finely; 1 if OK was wrong."""

import argparse
import os
import sys


def main() -> int:
    """Share the cases among the models, print the table and every wrong or refused case."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1")
    from tests.truth.kinds import KINDS, run
    from tests.truth.trial import table

    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="over all models")
    parser.add_argument("--kind", nargs="+", choices=list(KINDS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the generators")
    parser.add_argument("--first", type=int, default=0, help="number of the first case of a model")
    options = parser.parse_args()
    names = options.kind or list(KINDS)
    outcomes = []
    for name in names:
        outcomes.append(run(name, -(-options.cases // len(names)), options.seed, options.first))
        print(f"{name}: {outcomes[-1].seconds:.0f} s", file=sys.stderr, flush=True)
    print(table(outcomes))
    for title, field in (("wrong", "wrong"), ("reasonable, refused", "reasonable_refused")):
        for outcome in outcomes:
            for text in getattr(outcome, field):
                print(f"\n{outcome.kind}, {title}: {text}")
    return int(any(one.wrong or one.reasonable_refused for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
