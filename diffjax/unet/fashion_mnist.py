"""Fashion-MNIST: the official files, checked, from a folder or from their official address.

Xiao, Rasul, Vollgraf, arXiv 1708.07747: 60000 train and 10000 test images of 28 x 28 pixels in
ten classes of equal size; MIT licence.
"""

import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from diffjax.errors import InputError
from diffjax.unet.idx_files import check_sum, read_idx
from diffjax.unet.labelled_images import LabelledImages

ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
"""File to md5, as published with the data."""

CLASS_NAMES = (
    "T-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

FOLDER_VARIABLE = "DIFFJAX_FASHION_MNIST"
"""Environment variable that names the folder of the files."""


def load_fashion_mnist(data_dir: str | Path | None = None, *, check: bool = True) -> LabelledImages:
    """The data set.

    Args:
        data_dir: folder with the four files. By default the folder that the environment variable
            DIFFJAX_FASHION_MNIST names; failing that, the files are downloaded once into the
            user's cache folder.
        check: compare the files with the published checksums; False for other files of the same
            names and format.

    Raises:
        InputError: a file is missing, damaged or not the official one, or cannot be downloaded.

    Example:
        >>> data = load_fashion_mnist("data/fashion-mnist")           # doctest: +SKIP
        >>> data.images.shape                                         # doctest: +SKIP
        (60000, 28, 28)
    """
    given = data_dir or os.environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else download()
    arrays = []
    for name, expected in CHECKSUMS.items():
        if check:
            check_sum(folder / name, expected)
        arrays.append(read_idx(folder / name))
    images, labels, test_images, test_labels = arrays
    return LabelledImages(
        images, labels, test_images, test_labels, names=CLASS_NAMES, source="fashion-mnist"
    )


def download(folder: str | Path | None = None, address: str = ADDRESS) -> Path:
    """Download the files that a folder lacks, each checked before it gets its name.

    Args:
        folder: where to; by default the user's cache folder.
        address: where from.

    Returns:
        The folder.

    Raises:
        InputError: the address cannot be reached, or a file has another checksum.
    """
    place = Path(folder) if folder else _cache_folder()
    place.mkdir(parents=True, exist_ok=True)
    for name, expected in CHECKSUMS.items():
        if not (place / name).exists():
            _fetch(address + name, place / name, expected)
    return place


def _fetch(address: str, path: Path, expected: str) -> None:
    unfinished = path.with_name(f".unfinished-{os.getpid()}-{path.name}")
    try:
        with urllib.request.urlopen(address, timeout=60) as reply, unfinished.open("wb") as file:
            shutil.copyfileobj(reply, file)
        check_sum(unfinished, expected)
        unfinished.replace(path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise InputError(
            f"{address} cannot be read: {error}",
            "the official address, or a folder with the four official files",
            f"pass --data-dir (data_dir=), or set {FOLDER_VARIABLE}",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "diffjax" / "fashion-mnist"
