"""Run as a script: a training run that kills its own process, without any warning.

Arguments: folder; "step", "metrics" or "checkpoint"; how many of these to survive.
"""

import os
import signal
import sys


def main(folder: str, place: str, survive: int) -> None:
    import jax

    jax.config.update("jax_enable_x64", True)
    from diffjax.unet import checkpoints, run
    from diffjax.unet.run_folder import TrainingFolder
    from diffjax.unet.training import Trainer
    from tests.unet.digits import EVALUATION, SMALLEST, TRAINING, digit_split

    count = iter(range(10**6))

    def die_if_due():
        if next(count) == survive:
            os.kill(os.getpid(), signal.SIGKILL)

    def deadly(function, spoil):
        def call(*arguments):
            if spoil is not None and next(count) == survive:
                spoil(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return call

    def half_a_checkpoint(path, leaves):
        path.mkdir()
        (path / "half").write_bytes(next(iter(leaves.values())).tobytes()[:10])

    def half_a_line(self, step, metrics):
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write('{"step": 9')

    if place == "checkpoint":
        checkpoints._write = deadly(checkpoints._write, half_a_checkpoint)
    elif place == "metrics":
        TrainingFolder.append_metrics = deadly(TrainingFolder.append_metrics, half_a_line)
    else:
        advance = Trainer.advance

        def dying(self, state, steps):
            die_if_due()
            return advance(self, state, steps)

        Trainer.advance = dying
    run.train_run(digit_split(), folder, network=SMALLEST, training=TRAINING, evaluation=EVALUATION)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
