"""Cross-stitch units: learned sharing between two parallel branches."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_same_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class CrossStitch(Shown):
    r"""Mix two branches channel by channel with a learned 2 x 2 matrix.

    With the weights $w$ of one channel

    $$a' = w_{00} a + w_{01} b, \qquad b' = w_{10} a + w_{11} b.$$

    The published code of EINV2 and all its descendants computes $b'$ from the $a'$ of the line
    before, $b' = w_{10} a' + w_{11} b$; their weights need `sequential=True`.

    Source: Misra et al., "Cross-stitch networks for multi-task learning", CVPR 2016, equation 1;
    Cao et al., ICASSP 2021, equation 7.

    Shape:
        - Inputs: two maps `(batch, channel, time, freq)` or two sequences `(batch, time, channel)`.
        - Outputs: two tensors of the same shape.

    Args:
        channels: Number of channels of each branch.
        sequential: Compute the second output from the first one, as published weights need.
        low: Lower end of the uniform initialisation.
        high: Upper end of the uniform initialisation.
        own: Start each branch with this weight of its own map and the rest to 1 of the other's, in
            place of a draw: 0.9 in the first paper on such units.
        shared: Whether all channels share one matrix.

    Attributes:
        weight: `[channel, out, in]`; with one entry for the channel if it is shared.

    Examples:
        >>> sed, doa = torch.zeros(1, 8, 5, 4), torch.ones(1, 8, 5, 4)
        >>> [tuple(y.shape) for y in CrossStitch(8)(sed, doa)]
        [(1, 8, 5, 4), (1, 8, 5, 4)]
    """

    @plain_settings()
    def __init__(
        self,
        channels: int,
        *,
        sequential: bool = False,
        low: float = 0.1,
        high: float = 0.9,
        own: float | None = None,
        shared: bool = False,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.sequential = channels, sequential
        self.low, self.high, self.own, self.shared = low, high, own, shared
        matrices = 1 if shared else channels
        self.weight = nn.Parameter(torch.empty(matrices, 2, 2, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights from `U(low, high)`, or set them by `own`."""
        if self.own is None:
            nn.init.uniform_(self.weight, self.low, self.high)
        else:
            own, other = self.own, 1 - self.own
            with torch.no_grad():
                self.weight.copy_(torch.tensor([[own, other], [other, own]]))

    def forward(
        self, a: Float[Tensor, "*axes"], b: Float[Tensor, "*axes"]
    ) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
        """Return both branches after mixing."""
        check_same_shape(a=a, b=b)
        axis = {3: 2, 4: 1}.get(a.ndim)
        if axis is None or a.shape[axis] != self.channels:
            raise ValueError(
                f"a must be (batch, channel={self.channels}, time, freq) or"
                f" (batch, time, channel={self.channels}), got shape {tuple(a.shape)}"
            )
        weight = self.weight if axis == 2 else self.weight[:, None, None]
        mixed = weight[..., 0, 0] * a + weight[..., 0, 1] * b
        first = mixed if self.sequential else a
        return mixed, weight[..., 1, 0] * first + weight[..., 1, 1] * b
