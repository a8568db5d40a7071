"""Mamba in both directions, and the block that networks are built of."""

from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.mamba import Mamba2, MambaStart
from seldkit.layers.streaming import State, StepSize, step_size, stream_step


class BiMamba(nn.Module):
    r"""Two [`Mamba2`][seldkit.layers.Mamba2], one of which reads the sequence from its end.

    $$y = f(x) + \mathrm{flip}(g(\mathrm{flip}(x))),$$

    each with weights of its own. A frame sees all others, at a cost that grows with their number.

    Source: Mu et al., "SELD-Mamba: selective state-space model for sound event localization and
    detection with source distance estimation", arXiv 2408.05057, 2024; the released code of an
    entry to DCASE 2025 task 3.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels.
        state: See [`Mamba2`][seldkit.layers.Mamba2], as what follows.
        head_channels: Channels of a head.
        expand: Inner channels, as a multiple of `channels`.
        kernel_size: Frames that the convolution spans.
        chunk: Frames of a chunk of the scan.
        bias: Whether the linear layers have a bias.
        start: Weights at the beginning.

    Examples:
        >>> BiMamba(32, head_channels=16)(torch.zeros(2, 25, 32)).shape
        torch.Size([2, 25, 32])
    """

    def __init__(
        self,
        channels: int,
        *,
        state: int = 64,
        head_channels: int = 64,
        expand: int = 2,
        kernel_size: int = 4,
        chunk: int = 64,
        bias: bool = False,
        start: MambaStart = "mamba",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()

        def reader() -> Mamba2:
            return Mamba2(
                channels,
                state=state,
                head_channels=head_channels,
                expand=expand,
                kernel_size=kernel_size,
                chunk=chunk,
                bias=bias,
                start=start,
                device=device,
                dtype=dtype,
            )

        self.ahead, self.back = reader(), reader()

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        self.ahead.reset_parameters()
        self.back.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sum of both directions."""
        output: Tensor = self.ahead(x) + self.back(x.flip(1)).flip(1)
        return output


class MambaBlock(Shown):
    r"""A mixer of frames with a shortcut and a norm behind: $\mathrm{LN}(x + \mathrm{M}(x))$.

    The published BiMamba is a stack of these, with another layer norm behind the last one. With a
    [`Mamba2`][seldkit.layers.Mamba2] it streams.

    Source: the released code of an entry to DCASE 2025 task 3 by the idea of SELD-Mamba, arXiv
    2408.05057.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels.
        mixer: From a sequence to one of the same shape; a
            [`BiMamba`][seldkit.layers.BiMamba] if None.
        dropout: Dropout of what is added.

    Examples:
        >>> block, x = MambaBlock(32, mixer=Mamba2(32)).eval(), torch.randn(1, 20, 32)
        >>> _, state = block.step(x[:, :19])
        >>> torch.allclose(block.step(x[:, 19:], state)[0], block(x)[:, 19:], atol=1e-6)
        True
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        mixer: nn.Module | None = None,
        dropout: float = 0.1,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.mixer = BiMamba(channels, device=device, dtype=dtype) if mixer is None else mixer
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels, device=device, dtype=dtype)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence after the block."""
        check_shape("x", x, "batch time+ channel", channel=self.channels)
        output: Tensor = self.norm(x + self.dropout(self.mixer(x)))
        return output

    @property
    def step_size(self) -> StepSize:
        """That of the mixer; `ValueError` for one that sees later frames."""
        return step_size(self.mixer)

    def step(
        self, x: Float[Tensor, "batch time channel"], state: Any = None
    ) -> tuple[Float[Tensor, "batch time channel"], State]:
        """Return the next frames after the block, and the state of the mixer."""
        added, state = stream_step(self.mixer, x, state)
        output: Tensor = self.norm(x + added)
        return output, state
