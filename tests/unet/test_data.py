"""Files, checksums, the choice of classes and counts, and statistics of classes."""

import gzip
import hashlib

import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.unet import fashion_mnist
from diffjax.unet.idx_files import check_sum, read_idx, write_idx
from diffjax.unet.image_statistics import class_statistics
from diffjax.unet.images import counts_from_imbalance, split_images
from diffjax.unet.labelled_images import LabelledImages
from tests.unet.digits import digit_images, digit_split, write_official_names


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
def test_what_is_written_is_read(tmp_path, rng, name):
    values = rng.integers(0, 256, (5, 3, 4)).astype(np.uint8)
    write_idx(tmp_path / name, values)
    np.testing.assert_array_equal(read_idx(tmp_path / name), values)


def test_the_header_is_that_of_the_format(tmp_path):
    write_idx(tmp_path / "a.idx", np.arange(6, dtype=np.uint8).reshape(2, 3))
    expected = bytes([0, 0, 8, 2]) + (2).to_bytes(4, "big") + (3).to_bytes(4, "big")
    assert (tmp_path / "a.idx").read_bytes() == expected + bytes(range(6))


DAMAGES = {
    "truncated": (lambda raw: gzip.compress(gzip.decompress(raw)[:-3]), "where its header"),
    "too long": (lambda raw: gzip.compress(gzip.decompress(raw) + b"!"), "where its header"),
    "cut gzip": (lambda raw: raw[: len(raw) // 2], "cut short"),
    "no idx": (lambda raw: b"<html>not found</html>", "begins with"),
    "empty": (lambda raw: b"", "begins with nothing"),
    "short header": (lambda raw: bytes([0, 0, 8, 3, 0]), "of its header"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_are_refused(tmp_path, rng, damage):
    path = tmp_path / "a.idx.gz"
    write_idx(path, rng.integers(0, 256, (5, 3)).astype(np.uint8))
    spoil, message = DAMAGES[damage]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=message):
        read_idx(path)


def test_a_wrong_checksum_shows_both_sums(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    found = hashlib.md5(b"content").hexdigest()
    check_sum(tmp_path / "a", found)
    with pytest.raises(InputError) as refused:
        check_sum(tmp_path / "a", "0" * 32)
    assert found in str(refused.value)
    assert "0" * 32 in str(refused.value)


def test_a_data_folder(tmp_path):
    write_official_names(tmp_path)
    with pytest.raises(InputError, match="8d4fb7e6c68d591d4c3dfef9ec88bf0d"):
        fashion_mnist.load_fashion_mnist(tmp_path)
    data = fashion_mnist.load_fashion_mnist(tmp_path, check=False)
    assert data.images.shape == (90, 8, 8)
    assert data.test_images.shape == (18, 8, 8)
    assert data.name(1) == "trouser"
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match="t10k-labels-idx1-ubyte"):
        fashion_mnist.load_fashion_mnist(tmp_path, check=False)


def test_the_environment_names_the_folder(tmp_path, monkeypatch):
    write_official_names(tmp_path)
    monkeypatch.setenv(fashion_mnist.FOLDER_VARIABLE, str(tmp_path))
    assert len(fashion_mnist.load_fashion_mnist(check=False).images) == 90


def test_download_checks_before_a_file_gets_its_name(tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    write_official_names(source)
    address = source.as_uri() + "/"
    with pytest.raises(InputError, match="the official file has"):
        fashion_mnist.download(target, address)
    assert list(target.iterdir()) == []
    sums = {
        name: hashlib.md5((source / name).read_bytes()).hexdigest()
        for name in fashion_mnist.CHECKSUMS
    }
    monkeypatch.setattr(fashion_mnist, "CHECKSUMS", sums)
    assert fashion_mnist.download(target, address) == target
    assert sorted(p.name for p in target.iterdir()) == sorted(sums)
    assert len(fashion_mnist.load_fashion_mnist(target).images) == 90
    with pytest.raises(InputError, match="cannot be read"):
        fashion_mnist.download(tmp_path / "other", (tmp_path / "absent").as_uri() + "/")


def test_classes_and_counts():
    split = digit_split((8, 3), (5, 20))
    assert split.counts == (5, 20)
    assert split.names == ("8", "3")
    data = digit_images()
    pixels = split.to_pixels(split.train).squeeze(-1)
    for position, label in enumerate((8, 3)):
        own = data.images[data.labels == label]
        for image in pixels[split.train_labels == position]:
            assert np.abs(own - image).max(axis=(1, 2)).min() < 1e-4


def test_the_parts_do_not_overlap_and_larger_draws_contain_smaller_ones():
    small, large = digit_split((3, 8), (5, 5)), digit_split((3, 8), (20, 5))
    rows = {image.tobytes() for image in large.train}
    assert {image.tobytes() for image in small.train} <= rows
    parts = [large.train, large.held_out, large.reserve]
    everything = np.concatenate(parts).reshape(sum(map(len, parts)), -1)
    assert len(np.unique(everything, axis=0)) == len(everything)
    data = digit_images()
    assert len(everything) == np.isin(data.labels, (3, 8)).sum()
    assert digit_split((3, 8), (20, 5), 1).train.tobytes() != large.train.tobytes()


def test_official_test_images_are_the_held_out_ones(rng):
    data = LabelledImages(
        rng.random((40, 4, 4)), np.repeat([0, 1], 20), rng.random((6, 4, 4)), np.repeat([0, 1], 3)
    )
    split = split_images(data, (0, 1), (20, 20))
    assert len(split.held_out) == 6
    assert len(split.reserve) == 0
    np.testing.assert_allclose(
        split.to_pixels(split.held_out).squeeze(-1), data.test_images, atol=1e-6
    )


def test_shrinking_averages_blocks(rng):
    images = rng.random((40, 4, 4))
    split = split_images(LabelledImages(images, np.repeat([0, 1], 20)), (0, 1), (2, 2), shrink=2)
    assert split.size == 2
    blocks = np.stack(
        [images[:, i : i + 2, j : j + 2].mean((1, 2)) for i in (0, 2) for j in (0, 2)]
    )
    for image in split.to_pixels(split.train).reshape(4, 4):
        assert np.abs(blocks.T - image).max(1).min() < 1e-6


@pytest.mark.parametrize(
    ("classes", "counts", "message"),
    [
        ((3, 11), (4, 4), "class 11 is unknown; the data has 0, 1"),
        ((3, 3), (4, 4), "different classes"),
        ((3, 8), (4,), "one count for each"),
        ((3, 8), (4, 1000), "1000 training images of class 8; there are 139"),
        ((3, 8), (4, 0), "counts=0"),
    ],
)
def test_impossible_choices(classes, counts, message):
    with pytest.raises(InputError, match=message):
        split_images(digit_images(), classes, counts)


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((4, 3, 5))},
        {"images": np.full((4, 3, 3), np.nan)},
        {"labels": np.zeros(3, int)},
        {"labels": np.zeros(4)},
        {"test_images": np.zeros((2, 3, 3))},
    ],
)
def test_images_that_cannot_be_used(change):
    with pytest.raises(InputError):
        LabelledImages(**{"images": np.zeros((4, 3, 3)), "labels": np.zeros(4, int), **change})


@pytest.mark.parametrize(("ratio", "counts"), [(1.0, (32, 32)), (9.0, (58, 6)), (1e-9, (1, 63))])
def test_imbalance(ratio, counts):
    assert counts_from_imbalance(64, ratio) == counts


def test_statistics_of_known_classes(rng):
    size, count = 4, 30_000
    dim = size**2
    means = np.stack([np.full(dim, 3.0), np.linspace(-1, 1, dim)])
    stds = np.stack([np.full(dim, 2.0), np.where(np.arange(dim) < 4, 1.0, 1e-3)])
    labels = np.repeat([0, 1], count)
    samples = means[labels] + stds[labels] * rng.standard_normal((2 * count, dim))
    split = split_images(LabelledImages(samples.reshape(-1, size, size), labels), (0, 1), (10, 10))
    found = class_statistics(split)
    half = 0.5 * (means[0] - means[1])  # from the common mean of equally large classes
    scale = (4.0 + 0.25) / 2
    np.testing.assert_allclose(found.variance, np.array([4.0, 0.25]) / scale, rtol=0.02)
    np.testing.assert_allclose(found.mean_norm, np.mean(half**2) / scale, rtol=0.02)
    np.testing.assert_allclose(found.effective_dimension, [16, 4], rtol=0.02)
    np.testing.assert_allclose(found.overlap, [[1, -1], [-1, 1]], atol=0.01)
    assert found.variance.mean() == pytest.approx(1.0, rel=1e-3)
