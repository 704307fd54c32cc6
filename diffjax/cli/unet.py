"""``diffjax unet``: train a U-Net on labelled images, sample from it, measure it again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from diffjax.cli.unet_flags import EvaluationFlags, NetworkFlags, TrainingFlags

if TYPE_CHECKING:
    import xarray as xr

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
    _report(dataset, out)
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
    _write_images(out, pixels)
    print(f"{count} images of step {network.step} in {out}")
    return 0


@unet.command
def evaluate(run: Path, /, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None):
    """Print times per class of a run, finished or not, and draw its figures.

    Args:
        run: run folder.
        out: folder for the figures and the labelled dataset [the run folder].
    """
    from diffjax.unet.run_dataset import open_training_run

    dataset = open_training_run(run)
    _report(dataset, out or run)
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


def _write_images(path: Path, pixels: Any) -> None:
    import numpy as np

    if path.suffix == ".npz":
        np.savez_compressed(path, images=pixels)
        return
    from matplotlib.image import imsave

    columns = int(np.ceil(np.sqrt(len(pixels))))
    size = pixels.shape[1]
    sheet = np.zeros((-(-len(pixels) // columns) * size, columns * size, pixels.shape[-1]))
    for number, image in enumerate(pixels):
        top, left = (place * size for place in divmod(number, columns))
        sheet[top : top + size, left : left + size] = image
    low, high = float(sheet.min()), float(sheet.max())
    shade = (sheet - low) / max(high - low, 1e-9)
    imsave(path, shade[..., 0] if pixels.shape[-1] == 1 else shade, cmap="gray")


_PER_CLASS = (
    "sample_counts", "class_variance", "mean_norm", "effective_dimension",
    "generalization_time", "gap_onset_time", "memorization_time", "copying_time",
)  # fmt: skip
_AT_THE_END = ("train_loss", "test_loss", "memorized_fraction", "class_share", "frechet_distance")


def _report(dataset: "xr.Dataset", folder: Path) -> None:
    """Print the table of a run, write its dataset and draw its figures."""
    from diffjax.cli.terminal import console, print_columns
    from diffjax.plot import image_curves, image_grid
    from diffjax.studies.figures import save_figure
    from diffjax.studies.report import write_dataset

    rows = [
        (dataset[name].attrs.get("long_name", name), *(f"{v:.4g}" for v in dataset[name].values))
        for name in _PER_CLASS
        if name in dataset
    ]
    last = dataset.isel(training_step=-1)
    rows += [
        (f"{dataset[name].attrs.get('long_name', name)}, end", *(f"{v:.3g}" for v in last[name]))
        for name in _AT_THE_END
        if name in dataset
    ]
    steps = int(dataset["training_step"][-1])
    print_columns(console(), f"after {steps} steps", ("", *map(str, dataset["class"].values)), rows)
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    write_dataset(folder, dataset)
    drawn = {}
    if "memorized_fraction" in dataset:
        drawn["curves"] = image_curves(dataset)
    if "example_images" in dataset:
        drawn["generated"] = image_grid(dataset)
    for name, figure in drawn.items():
        for ending in ("png", "pdf"):
            save_figure(figure, figures / f"{name}.{ending}")
    print(f"figures and dataset in {folder}")
