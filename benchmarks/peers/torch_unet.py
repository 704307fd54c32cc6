"""The same U-Net in PyTorch, with the weights of ours: what the training step is timed against."""

import torch
from torch import nn
from torch.nn import functional


class TorchUNet(nn.Module):
    """Architecture of `diffjax.unet.network.UNet` without attention and class condition."""

    def __init__(self, width, multipliers, blocks, groups, embedding, channels=1):
        super().__init__()
        widths = [width * m for m in multipliers]
        condition = 4 * embedding
        self.frequencies, self.groups = embedding // 2, groups
        self.embed = nn.ModuleList(
            [nn.Linear(embedding, condition), nn.Linear(condition, condition)]
        )
        self.enter = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        here, skips = widths[0], [widths[0]]
        for level, outputs in enumerate(widths):
            for _ in range(blocks):
                self.down.append(TorchBlock(here, outputs, condition, groups))
                here = outputs
                skips.append(here)
            if level < len(widths) - 1:
                self.down.append(nn.Conv2d(here, here, 3, stride=2))
                skips.append(here)
        self.middle = nn.ModuleList([TorchBlock(here, here, condition, groups)])
        for level, outputs in reversed(list(enumerate(widths))):
            for _ in range(blocks + 1):
                self.up.append(TorchBlock(here + skips.pop(), outputs, condition, groups))
                here = outputs
            if level > 0:
                self.up.append(nn.Conv2d(here, here, 3, padding=1))
        self.norm = nn.GroupNorm(groups, widths[0], eps=1e-6)
        self.leave = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, images, times):
        """Noise predicted in images (n, channel, height, width)."""
        condition = functional.silu(self._embedded(times))
        hidden = self.enter(images)
        skips = [hidden]
        for part in self.down:
            hidden = (
                _halved(part, hidden) if isinstance(part, nn.Conv2d) else part(hidden, condition)
            )
            skips.append(hidden)
        for part in self.middle:
            hidden = part(hidden, condition)
        for part in self.up:
            if isinstance(part, nn.Conv2d):
                hidden = part(functional.interpolate(hidden, scale_factor=2, mode="nearest"))
            else:
                hidden = part(torch.cat([hidden, skips.pop()], 1), condition)
        return self.leave(functional.silu(self.norm(hidden)))

    def _embedded(self, times):
        ratio = -2 * times - torch.log(-torch.expm1(-2 * times))
        angles = ratio[:, None] * 0.1 * 100 ** torch.linspace(0, 1, self.frequencies)
        waves = torch.cat([torch.cos(angles), torch.sin(angles)], -1)
        first, second = self.embed
        return second(functional.silu(first(waves)))


class TorchBlock(nn.Module):
    """Two normalised convolutions with the condition in between."""

    def __init__(self, inputs, outputs, condition, groups):
        super().__init__()
        self.first_norm = nn.GroupNorm(groups, inputs, eps=1e-6)
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.shift = nn.Linear(condition, outputs)
        self.second_norm = nn.GroupNorm(groups, outputs, eps=1e-6)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.short = None if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, hidden, condition):
        """Hidden images with the update added."""
        update = self.first(functional.silu(self.first_norm(hidden)))
        update = update + self.shift(condition)[:, :, None, None]
        update = self.second(functional.silu(self.second_norm(update)))
        return (hidden if self.short is None else self.short(hidden)) + update


def _halved(convolution, hidden):
    # "SAME" padding of a stride of 2 pads even sizes at the end only
    return convolution(functional.pad(hidden, (0, 1, 0, 1)))


def load_weights(model: TorchUNet, weights: dict) -> None:
    """Copy the weights of the Flax network, by path: kernels are transposed."""
    tensors = dict(model.named_parameters())
    with torch.no_grad():
        for path, value in weights.items():
            *module, leaf = path
            name = ".".join([*map(str, module), "bias" if leaf == "bias" else "weight"])
            name = name.replace(".convolution", "")
            array = torch.from_numpy(value.copy())
            if leaf == "kernel":
                array = array.permute(3, 2, 0, 1) if array.ndim == 4 else array.T
            tensors[name].copy_(array.reshape(tensors[name].shape))  # 1 x 1 convolutions


class Training:
    """Adam on batches of images that are seen, diffusion times and noise."""

    def __init__(self, model: TorchUNet, learning_rate: float):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

    def step(self, images, times, noise) -> float:
        """One step; the loss before it."""
        self.optimizer.zero_grad()
        loss = ((self.model(images, times) - noise) ** 2).mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()


def threads(count: int) -> None:
    """Use this many threads."""
    torch.set_num_threads(count)
