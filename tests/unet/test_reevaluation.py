"""Stored networks measured again: the metrics of the training, other draws, other images."""

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffjax.errors import InputError
from diffjax.unet.labelled_images import LabelledImages
from diffjax.unet.objective import denoising_loss
from diffjax.unet.reevaluation import evaluate_run
from diffjax.unet.results import PER_STEP
from diffjax.unet.run_folder import TrainingFolder
from diffjax.unet.stored_network import StoredNetwork
from tests.unet.digits import EVALUATION, TRAINING, digit_images, digit_split


@pytest.fixture(scope="module")
def folder(finished):
    return finished[0]


@pytest.mark.parametrize("step", [2, None])
def test_the_metrics_of_the_training_come_again(folder, step):
    stored = {line["step"]: line for line in TrainingFolder(folder).metrics()}
    before = (folder / "metrics.jsonl").read_bytes()
    found = evaluate_run(folder, digit_images(), step=step)
    line = stored[step or TRAINING.steps]
    assert set(found.data_vars) == set(PER_STEP)
    for name in PER_STEP:
        np.testing.assert_array_equal(found[name], line[name])
    assert found["class"].values.tolist() == ["3", "8"]
    assert float(found["training_step"]) == line["step"]
    assert found.attrs["own_data"] == 1
    assert (folder / "metrics.jsonl").read_bytes() == before
    written = json.loads((folder / "evaluations.jsonl").read_text().splitlines()[-1])
    assert written["metrics"] == {name: line[name] for name in written["metrics"]}


def test_other_draws(folder):
    usual = evaluate_run(folder, digit_images())
    other = evaluate_run(folder, digit_images(), seed=7, samples=0)
    assert "memorized_fraction" not in other
    np.testing.assert_allclose(other["test_loss"], usual["test_loss"], rtol=0.3)
    assert (other["test_loss"] != usual["test_loss"]).all()
    more = evaluate_run(folder, digit_images(), samples=10, method="ancestral", sampling_steps=4)
    np.testing.assert_array_equal(more["test_loss"], usual["test_loss"])
    assert (more["class_share"] * 10 % 1 < 1e-9).all()
    written = json.loads((folder / "evaluations.jsonl").read_text().splitlines()[-1])
    assert written["evaluation"]["method"] == "ancestral"
    assert written["evaluation"]["sampling_steps"] == 4


def test_other_images_in_the_scale_of_the_run(folder):
    """Held-out losses on inverted digits, with the network applied by hand."""
    digits = digit_images()
    inverted = LabelledImages(16.0 - digits.images, digits.labels, source="inverted")
    found = evaluate_run(folder, inverted, samples=0)
    assert found.attrs["own_data"] == 0
    own = evaluate_run(folder, digits, samples=0)
    np.testing.assert_array_equal(found["train_loss"], own["train_loss"])

    split, count = digit_split(), EVALUATION.images
    pixels = 16.0 - split.to_pixels(split.held_out)
    seen = ((pixels - split.mean_image) / split.scale).astype(np.float32)
    shape = (2, len(EVALUATION.diffusion_times), count, *seen.shape[1:])
    noise = np.random.default_rng([TRAINING.seed, 3]).standard_normal(shape, dtype=np.float32)
    network = StoredNetwork(folder)
    losses = jax.jit(functools.partial(denoising_loss, network.predict, network.parameters))
    for c in range(2):
        images = np.resize(np.flatnonzero(split.held_out_labels == c), count)
        for k, time in enumerate(EVALUATION.diffusion_times):
            times = jnp.full(count, time, jnp.float32)
            expected = losses(seen[images], times, noise[c, k]).mean()
            np.testing.assert_allclose(found["test_loss_by_time"][c, k], expected, rtol=1e-5)


def test_what_cannot_be_measured(folder, tmp_path):
    digits = digit_images()
    before = (folder / "evaluations.jsonl").read_bytes()
    bad = [
        (folder, digits, {"step": 4}, "no step 4; it has 1, 2, 5, 10, 12"),
        (tmp_path / "absent", digits, {}, r"has no run\.json"),
        (folder, digits, {"samples": -1}, "samples=-1"),
        (folder, digits, {"method": "heun"}, "one of ddim"),
        (folder, digits, {"seed": -2}, "seed=-2"),
        (folder, LabelledImages(digits.images[:, :6, :6], digits.labels), {}, "6 x 6 pixels"),
        (folder, LabelledImages(digits.images, digits.labels % 3), {}, "class 3 is unknown"),
    ]
    for run, data, settings, message in bad:
        with pytest.raises(InputError, match=message):
            evaluate_run(run, data, **settings)
    assert (folder / "evaluations.jsonl").read_bytes() == before
