"""A gate that lets through what has the shape of a sound."""

from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class SpectralEnhancement(Shown):
    r"""Weigh every bin by its neighbours, and add what they lack.

    $$y = x \cdot \sigma(a * x) + \tanh(b * x)$$

    with two learned convolutions over three neighbours. Where both give zero, as with no weights,
    a bin is halved.

    Experimental. The paper has an enhancement of the learned bands; a reading of it in code of
    others adds a sigmoid ("formants") and a hyperbolic tangent ("detail") of two convolutions 3 x 1
    on powers. Read into it here: that the sigmoid is a gate, that the three neighbours are bands,
    where formants are seen, and that it acts on levels, which have one scale.

    Source: after He et al., "SoundDoA", Interspeech 2022.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        channels: Channels of the map.
        axis: Along which axis neighbours lie, `"freq"` or `"time"`.

    Examples:
        >>> SpectralEnhancement(4)(torch.zeros(1, 4, 10, 256)).shape
        torch.Size([1, 4, 10, 256])
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        axis: Literal["freq", "time"] = "freq",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.axis = channels, axis

        def convolution() -> nn.Conv2d:
            kernel, padding = ((1, 3), (0, 1)) if axis == "freq" else ((3, 1), (1, 0))
            return nn.Conv2d(
                channels, channels, kernel, padding=padding, device=device, dtype=dtype
            )

        self.gate, self.detail = convolution(), convolution()

    def reset_parameters(self) -> None:
        """Draw the convolutions as `nn.Conv2d` does."""
        self.gate.reset_parameters()
        self.detail.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the map after the gate."""
        check_shape("x", x, "batch channel time+ freq+", channel=self.channels)
        output: Tensor = x * self.gate(x).sigmoid() + self.detail(x).tanh()
        return output
