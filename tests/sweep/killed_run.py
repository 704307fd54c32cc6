"""Run as a script: a sweep that kills its own process, without any warning, at a chosen write.

Arguments: folder, number of host devices, number of array writes to survive (-1: all).
"""

import os
import signal
import sys

OVER = {"widths[0]": [1.0, 1.5, 2.0], "radius": [0.5, 1.0], "stiffness": [1.0, 2.0], "seed": [1, 2]}
BATCH = 4


def main(folder: str, devices: int, writes: int) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_num_cpu_devices", devices)
    import zarr

    from diffjax.sweep import sweep
    from tests.sweep.toy_models import spectrum, spring

    write, count = zarr.Array.__setitem__, iter(range(10**6))

    def deadly(self, selection, value):
        if next(count) == writes:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, selection, value)

    zarr.Array.__setitem__ = deadly
    sweep(spectrum, spring(), OVER, folder, batch_size=BATCH)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
