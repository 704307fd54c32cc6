"""The network: sizes, precision, and its output against the same network in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from diffjax.errors import InputError
from diffjax.unet.config import NetworkConfig, TrainingConfig, from_json, to_json
from diffjax.unet.network import UNet, num_parameters
from diffjax.unet.network_parts import GroupNorm
from tests.unet.digits import NETWORK


def _randomised(network: nnx.Module, rng) -> nnx.Module:
    """The same with all weights random, also those that start at zero."""
    definition, weights = nnx.split(network, nnx.Param)
    random = jax.tree.map(
        lambda w: jnp.asarray(0.3 * rng.standard_normal(w.shape), jnp.float32), weights
    )
    return nnx.merge(definition, random)


def _compiled(network, *inputs):
    return nnx.jit(lambda net, *given: net(*given))(network, *inputs)


def test_sizes_from_a_cpu_to_the_predecessor():
    def parameters(config):
        return num_parameters(nnx.eval_shape(lambda: UNet(config, 28)))

    assert 1e5 < parameters(NetworkConfig(width=16, multipliers=(1, 2))) < 2e5
    assert (
        3.5e6
        < parameters(NetworkConfig(width=44, multipliers=(1, 2, 4), groups=4, attention=True))
        < 4.5e6
    )


def test_an_untrained_network_predicts_no_noise(rng):
    images = rng.standard_normal((3, 8, 8, 1)).astype(np.float32)
    assert not np.asarray(_compiled(UNet(NETWORK, 8), images, jnp.full(3, 0.1))).any()


def test_64_bit_mode_changes_nothing(rng):
    images = rng.standard_normal((2, 8, 8, 1)).astype(np.float32)
    times = np.full(2, 0.3, np.float32)

    def output():
        network = UNet(NETWORK, 8, seed=3)
        leaves = jax.tree.leaves(nnx.state(network, nnx.Param))
        kinds = {leaf.dtype.name for leaf in leaves}
        network.leave.kernel[...] = jnp.ones_like(network.leave.kernel[...])
        return np.asarray(_compiled(network, images, times)), kinds

    assert jax.config.jax_enable_x64
    with_64, kinds_64 = output()
    with jax.enable_x64(False):
        with_32, kinds_32 = output()
    assert kinds_64 == kinds_32 == {"float32"}
    assert with_64.dtype == np.float32
    np.testing.assert_array_equal(with_64, with_32)


def test_16_bit_activations_are_close(rng):
    images = rng.standard_normal((2, 8, 8, 1)).astype(np.float32)
    times = np.full(2, 0.3, np.float32)
    full = _compiled(_randomised(UNet(NETWORK, 8), np.random.default_rng(1)), images, times)
    half_config = NetworkConfig(**{**to_json(NETWORK), "precision": "bfloat16"})
    half = _compiled(_randomised(UNet(half_config, 8), np.random.default_rng(1)), images, times)
    assert half.dtype == np.float32
    error = np.sqrt(np.mean((np.asarray(half) - full) ** 2) / np.mean(np.asarray(full) ** 2))
    assert 1e-4 < error < 0.1


def test_group_norm_is_that_of_flax(rng):
    ours, flaxs = GroupNorm(8, 4), nnx.GroupNorm(8, num_groups=4, rngs=nnx.Rngs(0))
    hidden = jnp.asarray(rng.standard_normal((3, 5, 5, 8)) * 3 + 2, jnp.float32)
    np.testing.assert_allclose(ours(hidden), flaxs(hidden), atol=2e-6)


def test_the_class_and_attention_are_used(rng):
    config = NetworkConfig(**{**to_json(NETWORK), "class_conditional": True, "attention": True})
    network = _randomised(UNet(config, 8, num_classes=2), rng)
    images, times = jnp.ones((2, 8, 8, 1)), jnp.full(2, 0.3)
    labels = jnp.array([0, 1])
    told = _compiled(network, images, times, labels)
    assert np.abs(np.asarray(told[0] - told[1])).max() > 1e-3
    with pytest.raises(InputError, match="labels"):
        network(images, times)
    network.look.leave.kernel[...] = jnp.zeros_like(network.look.leave.kernel[...])
    blind = _compiled(network, images, times, labels)
    assert np.abs(np.asarray(told - blind)).max() > 1e-3


def test_the_same_network_in_pytorch(rng):
    torch = pytest.importorskip("torch")
    from benchmarks.peers.torch_unet import TorchUNet, load_weights

    network = _randomised(UNet(NETWORK, 8), rng)
    weights = {
        path: np.asarray(value[...])
        for path, value in nnx.to_flat_state(nnx.state(network, nnx.Param))
    }
    peer = TorchUNet(8, (1, 2), 1, 4, 8)
    assert sum(p.numel() for p in peer.parameters()) == num_parameters(network)
    load_weights(peer, weights)
    images = rng.standard_normal((2, 8, 8, 1)).astype(np.float32)
    times = np.array([0.05, 1.2], np.float32)
    with torch.no_grad():
        theirs = peer(torch.from_numpy(images.transpose(0, 3, 1, 2)), torch.from_numpy(times))
    ours = np.asarray(_compiled(network, images, times)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=2e-4, atol=2e-4 * np.abs(ours).max())


@pytest.mark.parametrize(("size", "levels", "fits"), [(28, 4, 3), (7, 2, 1), (9, 2, 1)])
def test_images_that_cannot_be_halved(size, levels, fits):
    config = NetworkConfig(multipliers=(1,) * levels)
    with pytest.raises(InputError, match=rf"{size} x {size} .* at most {fits} multipliers"):
        UNet(config, size)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (NetworkConfig, {"width": 20}, "multiple of 8; take 24"),
        (NetworkConfig, {"multipliers": ()}, "multipliers is empty"),
        (NetworkConfig, {"precision": "float64"}, "one of float32, bfloat16"),
        (NetworkConfig, {"embedding": 7}, "multiple of 2"),
        (TrainingConfig, {"steps": 0}, "steps=0"),
        (TrainingConfig, {"learning_rate": -1.0}, "learning_rate=-1"),
        (TrainingConfig, {"optimizer": "lion"}, "one of adam, sgd"),
        (TrainingConfig, {"ema_decay": 1.0}, "ema_decay=1.0"),
        (TrainingConfig, {"last_time": 4.0}, "0 < last_time < first_time"),
    ],
)
def test_settings_out_of_range(kind, change, message):
    with pytest.raises(InputError, match=message):
        kind(**change)


def test_settings_survive_json():
    config = NetworkConfig(width=24, multipliers=(1, 3))
    assert from_json(NetworkConfig, to_json(config)) == config
    with pytest.raises(InputError, match="has no field 'depth'"):
        from_json(NetworkConfig, {"depth": 3})
