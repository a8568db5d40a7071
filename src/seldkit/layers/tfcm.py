"""Temporal convolutions on maps, dilated ever further into the past."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.streaming import State, StepSize, check_step


class TFCM(Shown):
    r"""Time-frequency convolution module: residual layers whose view of the past doubles.

    Layer $i$ adds to the map: pointwise convolution, norm and ReLU; depthwise convolution of 3 x 3,
    dilated by $2^i$ in time, norm and ReLU; pointwise convolution. It looks back
    $2^{i+1}$ frames and never ahead, so all six see 126 frames of the past, and the module streams:
    steps of any sizes make what the whole makes.

    Source: Mu et al., "MFF-EINV2: multi-scale feature fusion across spectral-spatial-temporal
    domains for sound event localization and detection", Interspeech 2024, by its
    released code; Zhang et al., "Multi-scale temporal frequency convolutional network with axial
    attention for speech enhancement", ICASSP 2022.

    Shape:
        - Input: `(batch, channel, time, freq)`, any number of frames and bins.
        - Output: the same.

    Args:
        channels: Number of channels.
        num_layers: Number of layers.

    Attributes:
        past: Frames before the present one that are seen.

    Examples:
        >>> module = TFCM(64)
        >>> module.past, sum(p.numel() for p in module.parameters())
        (126, 55296)
        >>> module(torch.zeros(1, 64, 10, 8)).shape
        torch.Size([1, 64, 10, 8])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        num_layers: int = 6,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.num_layers = channels, num_layers
        self.layers = nn.ModuleList(
            _Layer(channels, 2**i, device=device, dtype=dtype) for i in range(num_layers)
        )
        self.past = sum(2 * 2**i for i in range(num_layers))

    def reset_parameters(self) -> None:
        """Draw all weights again, from the laws of PyTorch."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
                module.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map after all layers."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch channel time freq"], state: Any = None
    ) -> tuple[Float[Tensor, "batch channel time freq"], State]:
        """Return the next frames after all layers, and what each layer sees again."""
        check_shape("x", x, "batch channel time freq", channel=self.channels)
        check_step(x, 1, dim=2)
        states = []
        layers: Any = self.layers
        for layer, before in zip(layers, state or [None] * self.num_layers, strict=True):
            x, after = layer.step(x, before)
            states.append(after)
        return x, tuple(states)


class _Layer(nn.Module):
    """One layer, dilated in time, with a shortcut."""

    def __init__(
        self,
        channels: int,
        dilation: int,
        *,
        device: torch.device | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.past = 2 * dilation
        self.conv1 = nn.Conv2d(channels, channels, 1, **place)
        self.norm1 = nn.BatchNorm2d(channels, **place)
        self.depthwise = nn.Conv2d(
            channels, channels, 3, padding=(0, 1), dilation=(dilation, 1), groups=channels, **place
        )
        self.norm2 = nn.BatchNorm2d(channels, **place)
        self.conv2 = nn.Conv2d(channels, channels, 1, **place)

    def forward(self, x: Tensor) -> Tensor:
        return x + self._of_maps(functional.pad(self._expanded(x), (0, 0, self.past, 0)))

    def step(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        maps = self._expanded(x)
        if state is None:
            state = maps.new_zeros(*maps.shape[:2], self.past, maps.shape[3])
        maps = torch.cat((state, maps), dim=2)
        return x + self._of_maps(maps), maps[:, :, maps.shape[2] - self.past :].clone()

    def _expanded(self, x: Tensor) -> Tensor:
        return functional.relu(self.norm1(self.conv1(x)))

    def _of_maps(self, maps: Tensor) -> Tensor:
        output: Tensor = self.conv2(functional.relu(self.norm2(self.depthwise(maps))))
        return output
