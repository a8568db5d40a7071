"""Mamba-2: selective state spaces that read a sequence in time that grows with its length."""

import math
from contextlib import nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float
from seldkit.layers.state_space import state_space_scan
from seldkit.layers.streaming import State, StepSize, check_step

MambaStart = Literal["mamba", "small"]


class Mamba2(Shown):
    r"""Mamba-2: what the input says is written to a state, which decays as the input says.

    A linear layer makes of each frame a gate $z$, an input $x$ of several heads, a place to write
    $b$ and to read $c$, which all heads share, and a step $\Delta$ for each head. A causal
    depthwise convolution with swish acts on $x$, $b$ and $c$. Then, for each head,

    $$\Delta = \mathrm{softplus}(\Delta' + \beta), \quad S_t = e^{-\Delta_t e^{\alpha}} S_{t-1}
    + \Delta_t\, x_t b_t^\top, \quad y_t = S_t c_t + \delta\, x_t,$$

    and out comes a linear layer of $\mathrm{RMSNorm}(y \cdot \mathrm{swish}(z))$.

    It is plain PyTorch: a scan by chunks
    ([`state_space_scan`][seldkit.layers.state_space_scan]), equal to the recurrence up to rounding
    and without a kernel of its own. No output changes when later frames come, and steps of any
    sizes make what the whole makes.

    Source: Dao and Gu, "Transformers are SSMs: generalized models and efficient algorithms through
    structured state space duality", ICML 2024, section 7. The plain code that entries to DCASE 2025
    are built on clamps the exponents of decays to at least -10, so that there each frame sees later
    ones a little (by 4.5e-5 of them) and nothing is ever forgotten; here neither is so.

    Shape:
        - Input: `(batch, time, channel)`, any number of frames.
        - Output: the same.

    Args:
        channels: Number of channels.
        state: Entries of the state for each inner channel; 128 in the published BiMamba.
        head_channels: Channels of a head, which divide the inner channels.
        expand: Inner channels, as a multiple of `channels`.
        kernel_size: Frames that the convolution spans: the present one and those before it.
        chunk: Frames of a chunk of the scan; it changes the speed alone.
        bias: Whether the linear layers have a bias.
        start: Weights at the beginning: `"mamba"`, those of the authors: decays of 1 to 16 a step,
            steps of 0.001 to 0.1, $\delta = 1$; or `"small"`, those of the entries to DCASE 2025:
            small weights everywhere.

    Attributes:
        step_bias: $\beta$ of each head.
        log_rate: $\alpha$ of each head.
        skip: $\delta$ of each head.

    Raises:
        ValueError: If `head_channels` does not divide the inner channels.

    Examples:
        >>> layer = Mamba2(512, state=128)
        >>> sum(p.numel() for p in layer.parameters())
        1719600
        >>> layer(torch.zeros(1, 50, 512)).shape
        torch.Size([1, 50, 512])
    """

    @plain_settings()
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
        inner = expand * channels
        if inner % head_channels:
            raise ValueError(
                f"head_channels must divide the {inner} inner channels, got {head_channels}"
            )
        self.channels, self.state, self.head_channels = channels, state, head_channels
        self.expand, self.kernel_size, self.chunk = expand, kernel_size, chunk
        self.bias, self.start = bias, start
        heads = inner // head_channels
        self._mixed = inner + 2 * state
        place: dict[str, Any] = {"device": device, "dtype": dtype}
        self.project = nn.Linear(channels, inner + self._mixed + heads, bias=bias, **place)
        self.depthwise = nn.Conv1d(
            self._mixed, self._mixed, kernel_size, groups=self._mixed, **place
        )
        self.step_bias = nn.Parameter(torch.empty(heads, **place))
        self.log_rate = nn.Parameter(torch.empty(heads, **place))
        self.skip = nn.Parameter(torch.empty(heads, **place))
        self.norm = nn.RMSNorm(inner, eps=1e-5, **place)
        self.reduce = nn.Linear(inner, channels, bias=bias, **place)
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw all weights again, as `start` says."""
        for layer in (self.project, self.depthwise, self.norm, self.reduce):
            layer.reset_parameters()
        if self.start == "mamba":
            step = self.step_bias.uniform_(math.log(0.001), math.log(0.1)).exp()
            self.step_bias.copy_(step + torch.log(-torch.expm1(-step)))  # softplus makes step of it
            self.log_rate.uniform_(1.0, 16.0).log_()
            self.skip.fill_(1.0)
            return
        for linear in (self.project, self.reduce):
            nn.init.xavier_uniform_(linear.weight, gain=0.5)
            if linear.bias is not None:
                linear.bias.zero_()
        self.step_bias.uniform_(-0.1, 0.1)
        self.log_rate.uniform_(-2.0, -1.0)
        self.skip.uniform_(-0.1, 0.1)

    def forward(
        self, x: Float[Tensor, "batch time channel"]
    ) -> Float[Tensor, "batch time channel"]:
        """Return the sequence after the layer."""
        check_shape("x", x, "batch time+ channel", channel=self.channels)
        gate, mixed, step = self._projected(x)
        mixed = functional.pad(mixed.mT, (self.kernel_size - 1, 0))
        return self._scanned(gate, mixed, step, None, self.chunk)[0]

    @property
    def step_size(self) -> StepSize:
        """A step takes any number of frames."""
        return StepSize()

    def step(
        self, x: Float[Tensor, "batch time channel"], state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Float[Tensor, "batch time channel"], State]:
        """Return the next frames after the layer, what the convolution sees again, and the state.

        The state is float32 or finer, in half precision, too.
        """
        check_shape("x", x, "batch time channel", channel=self.channels)
        check_step(x, 1, dim=1)
        gate, mixed, step = self._projected(x)
        mixed, past = mixed.mT, self.kernel_size - 1
        before, start = (mixed.new_zeros(len(x), self._mixed, past), None) if not state else state
        mixed = torch.cat((before, mixed), dim=2)
        output, last = self._scanned(gate, mixed, step, start, min(self.chunk, x.shape[1]))
        return output, (mixed[:, :, mixed.shape[2] - past :].clone(), last)

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return gate, what is mixed over time, and steps."""
        sizes = [self.norm.normalized_shape[0], self._mixed, self.step_bias.numel()]
        gate, mixed, step = self.project(x).split(sizes, dim=2)
        return gate, mixed, step

    def _scanned(
        self, gate: Tensor, mixed: Tensor, step: Tensor, start: Tensor | None, chunk: int
    ) -> tuple[Tensor, Tensor]:
        """Return the output and the state behind it; `mixed` begins with the frames before."""
        mixed = functional.silu(self.depthwise(mixed)).mT
        precise = torch.promote_types(mixed.dtype, torch.float32)
        kind = gate.device.type
        cast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False) if cast else nullcontext():
            step = functional.softplus(step.to(precise) + self.step_bias.to(precise))
            sizes = [gate.shape[2], self.state, self.state]
            x, write, read = mixed.to(precise).split(sizes, dim=2)
            x = x.unflatten(2, (-1, self.head_channels))
            y, last = state_space_scan(
                x * step.unsqueeze(3),
                -step * self.log_rate.to(precise).exp(),
                write,
                read,
                start=start,
                chunk=chunk,
            )
            y = (y + x * self.skip.to(precise).unsqueeze(1)).flatten(2)
            y, norm = y * functional.silu(gate.to(precise)), self.norm
            y = functional.rms_norm(y, norm.normalized_shape, norm.weight.to(precise), norm.eps)
        output: Tensor = self.reduce(y.to(gate.dtype))
        return output, last
