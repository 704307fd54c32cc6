"""``diffjax unet``: train a U-Net on labelled images, sample from it, measure it again."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from diffjax.cli.unet_flags import EvaluationFlags, NetworkFlags, TrainingFlags
from diffjax.cli.unet_report import print_measurement, report_training, write_images

Folder = Annotated[Path, Parameter(name=["--out", "-o"])]

unet = App(name="unet", help="Train a U-Net on classes of images and measure it class by class.")


@unet.command
def train(
    *,
    out: Folder,
    classes: str = "1,8",
    counts: str = "32,32",
    data_dir: Path | None = None,
    check: bool = True,
    shrink: int = 1,
    network: NetworkFlags = NetworkFlags(),  # noqa: B008
    training: TrainingFlags = TrainingFlags(),  # noqa: B008
    evaluation: EvaluationFlags = EvaluationFlags(),  # noqa: B008
) -> int:
    """Train on Fashion-MNIST into a run folder; the same command resumes it.

    Metrics are written as they come and can be read at any time with diffjax.open_run. The run can
    be interrupted at any moment, also by kill -9, and continues to the same bits.

    Args:
        out: run folder.
        classes: labels, with commas.
        counts: training images of each, with commas.
        data_dir: folder with the four official files [$DIFFJAX_FASHION_MNIST, else downloaded].
        check: compare the files with the published checksums.
        shrink: average blocks of so many pixels squared.
    """
    from diffjax.cli.exit_codes import Interrupted
    from diffjax.cli.terminal import console
    from diffjax.cli.unet_progress import TrainingBar
    from diffjax.unet.run import train_run

    wanted = _numbers("classes", classes), _numbers("counts", counts)
    settings = _settings(network, training, evaluation)
    split = _split(data_dir, check, *wanted, training.seed, shrink)
    screen = console()
    screen.print(
        f"{' and '.join(split.names)}: {', '.join(map(str, split.counts))} training images of "
        f"{split.size} x {split.size} pixels\ninto {out}",
        markup=False,
    )
    bar = TrainingBar(screen)
    try:
        dataset = train_run(split, out, **settings, source="fashion-mnist", progress=bar)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{bar.done} of {bar.total} steps were made; the latest state is kept in {out}, "
            "the same command continues."
        ) from None
    report_training(dataset, out)
    return 0


@unet.command
def sample(
    run: Path,
    /,
    *,
    out: Folder,
    step: int | None = None,
    count: int = 64,
    seed: int = 0,
    method: Literal["ddim", "ancestral", "euler-maruyama"] = "ddim",
    sampling_steps: int = 50,
) -> int:
    """Generate images from a trained network into a .npz file or a .png picture.

    Args:
        run: run folder.
        out: .npz (pixels) or .png (a grid).
        step: an evaluated training step [the last].
        count: how many.
        seed: of the noise.
        method: ddim (probability flow), or a stochastic backward process.
        sampling_steps: steps of the backward process.
    """
    from diffjax.errors import InputError
    from diffjax.unet.stored_network import StoredNetwork

    if out.suffix not in (".npz", ".png"):
        raise InputError(f"--out {out}", "it ends in .npz or .png", "choose one of these")
    network = StoredNetwork(run, step)
    pixels = network.generate(count, seed, method, sampling_steps)
    write_images(out, pixels)
    print(f"{count} images of step {network.step} in {out}")
    return 0


@unet.command
def evaluate(
    run: Path,
    /,
    *,
    step: int | None = None,
    samples: int | None = None,
    seed: int | None = None,
    sampler: Literal["ddim", "ancestral", "euler-maruyama"] | None = None,
    sampling_steps: int | None = None,
    data_dir: Path | None = None,
    check: bool = True,
    figures: bool = False,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> int:
    """Measure a stored network again, or draw the figures of its training with --figures.

    A measurement is printed and added to evaluations.jsonl in the run folder; the metrics of the
    training are left as they are. With the defaults it repeats what was measured in training.

    Args:
        run: run folder, of a finished run or not.
        step: an evaluated training step [the last].
        samples: generated images [as many as in training].
        seed: of noise and generated images [that of training].
        sampler: ddim (probability flow), or a stochastic backward process [that of training].
        sampling_steps: steps of the backward process [as in training].
        data_dir: folder with the four files [$DIFFJAX_FASHION_MNIST, else downloaded]; of other
            images than those of the run, held-out losses and classes are measured on these.
        check: compare the files with the published checksums.
        figures: measure nothing; print the times per class and draw the figures of the training.
        out: folder for the figures and the labelled dataset [the run folder].
    """
    from diffjax.errors import InputError
    from diffjax.unet.fashion_mnist import load_fashion_mnist
    from diffjax.unet.reevaluation import evaluate_run
    from diffjax.unet.run_dataset import open_training_run
    from diffjax.unet.stored_network import StoredNetwork

    if figures:
        report_training(open_training_run(run), out or run)
        return 0
    if out is not None:
        raise InputError(
            f"--out {out} without --figures", "only figures are put elsewhere", "drop it"
        )
    StoredNetwork(run, step)  # refused before any data is loaded
    draws = {"samples": samples, "seed": seed, "sampling_steps": sampling_steps}
    data = load_fashion_mnist(data_dir, check=check)
    dataset = evaluate_run(run, data, step=step, method=sampler, **draws)
    print_measurement(dataset)
    print(f"added to {run / 'evaluations.jsonl'}")
    return 0


def _settings(network: NetworkFlags, training: TrainingFlags, evaluation: EvaluationFlags) -> dict:
    from dataclasses import asdict

    from diffjax.unet.config import EvaluationConfig, NetworkConfig, TrainingConfig

    sizes = {**asdict(network), "multipliers": _numbers("multipliers", network.multipliers)}
    return {
        "network": NetworkConfig(**sizes),
        "training": TrainingConfig(**asdict(training)),
        "evaluation": EvaluationConfig(
            images=evaluation.eval_images,
            samples=evaluation.samples,
            sampling_steps=evaluation.sampling_steps,
        ),
    }


def _numbers(name: str, text: str) -> tuple[int, ...]:
    from diffjax.errors import InputError

    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--{name} {text}", "whole numbers with commas, for example 1,8", "mend it"
        ) from None


def _split(data_dir: Path | None, check: bool, classes: Any, counts: Any, seed: int, shrink: int):
    from diffjax.unet.fashion_mnist import load_fashion_mnist
    from diffjax.unet.images import split_images

    data = load_fashion_mnist(data_dir, check=check)
    return split_images(data, classes, counts, seed=seed, shrink=shrink)
