"""What ``diffjax unet`` prints, draws and writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray as xr


def write_images(path: Path, pixels: Any) -> None:
    """Write images as arrays (.npz) or as one picture (.png)."""
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


def print_measurement(dataset: "xr.Dataset") -> None:
    """Print everything that was measured, by class."""
    from diffjax.cli.terminal import console, print_columns

    rows = []
    for name, values in dataset.data_vars.items():
        label = values.attrs.get("long_name", str(name))
        if "diffusion_time" not in values.dims:
            rows.append((label, *(f"{v:.4g}" for v in values.values)))
            continue
        for time in dataset["diffusion_time"].values:
            found = values.sel(diffusion_time=time).values
            rows.append((f"{label}, t = {time:g}", *(f"{v:.4g}" for v in found)))
    title = f"step {int(dataset['training_step'])}, seed {dataset.attrs['seed']}"
    if not dataset.attrs["own_data"]:
        title += ", on other data than that of the run"
    print_columns(console(), title, ("", *map(str, dataset["class"].values)), rows)


def report_training(dataset: "xr.Dataset", folder: Path) -> None:
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
