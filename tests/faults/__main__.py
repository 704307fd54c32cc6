"""`python -m tests.faults`: inject faults into sweeps, print what was lost (nothing may be)."""

import argparse
import dataclasses
import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Run the chosen kinds of faults; 1 if a point was lost."""
    os.environ.update(JAX_PLATFORMS="cpu", JAX_ENABLE_X64="1", OPENBLAS_NUM_THREADS="1")
    options = _parser().parse_args()
    _import_everything()
    from tests.faults.kinds import KINDS
    from tests.faults.tally import bench, table

    rows = []
    with bench(options.seed, options.quick) as place:
        for name in options.kind or KINDS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            start = time.perf_counter()
            row = KINDS[name](place)
            rows.append(dataclasses.replace(row, seconds=time.perf_counter() - start))
            print(f"    {rows[-1]}", file=sys.stderr, flush=True)
    print(table(rows))
    if options.json:
        facts = {"seed": options.seed, "rows": [dataclasses.asdict(row) for row in rows]}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")
    return int(any(row.lost for row in rows))


def _parser() -> argparse.ArgumentParser:
    from tests.faults.kinds import KINDS

    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the faults")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--kind", nargs="+", choices=list(KINDS), help="default: all")
    parser.add_argument("--seed", type=int, default=0, help="of moments and places of faults")
    return parser


def _import_everything() -> None:
    """What children need, so that a fork has it; no backend starts here."""
    import diffjax.cli.application
    import diffjax.cli.sweep
    import diffjax.plot
    import diffjax.studies.loading
    import diffjax.studies.report
    import diffjax.sweep.run  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
