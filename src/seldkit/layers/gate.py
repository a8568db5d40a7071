"""Gates: several estimates of one thing become one."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_same_shape, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

GateLogits = Literal["self", "learned", "scalar"]


def softmax_gate(
    streams: Float[Tensor, "batch stream time freq"],
    logits: Float[Tensor, "batch stream time freq"] | None = None,
) -> Float[Tensor, "batch time freq"]:
    r"""Return the mean of several maps, weighted in each bin by a softmax across them.

    With the logits $z$ of the streams $S$, or $z = S$ where none are given,

    $$\sum_i w_i S_i, \qquad w_i = \frac{e^{z_i}}{\sum_j e^{z_j}}.$$

    Args:
        streams: Maps of one thing, such as spectrograms of the same sound.
        logits: What the weights are computed from; the streams themselves if None, so that the
            larger value counts for more.

    Raises:
        ValueError: If the shapes are wrong.

    Examples:
        >>> streams = torch.tensor([2.0, 4.0]).reshape(1, 2, 1, 1)
        >>> softmax_gate(streams, torch.zeros(1, 2, 1, 1))  # equal weights
        tensor([[[3.]]])
        >>> softmax_gate(100 * streams)  # the larger
        tensor([[[400.]]])
    """
    check_shape("streams", streams, "batch stream time freq")
    if logits is None:
        logits = streams
    else:
        check_same_shape(streams=streams, logits=logits)
    return (logits.softmax(dim=1) * streams).sum(dim=1)


class SoftmaxGate(Shown):
    """One map of several, weighted in each bin by a softmax across them.

    Module form of [`softmax_gate`][seldkit.layers.softmax_gate]. The paper shows no parameters of
    its gate, which is `"self"`; `"learned"` starts as the same, `"scalar"` as the plain mean.

    Source: the gate of Long et al., "Overlapping end-to-end learning", reconstructed.

    Shape:
        - Input: `(batch, stream, time, freq)`.
        - Output: `(batch, time, freq)`.

    Args:
        logits: What the weights are computed from: `"self"`, the streams; `"learned"`, a learned
            mixture of the streams (a 1 x 1 convolution); `"scalar"`, a learned number for each
            stream, whatever it holds.
        num_streams: Number of maps.

    Raises:
        ValueError: If `logits` is unknown, `num_streams` is not positive, or the input has another
            shape.

    Examples:
        >>> SoftmaxGate()(torch.zeros(1, 2, 256, 256)).shape
        torch.Size([1, 256, 256])
    """

    @plain_settings()
    def __init__(
        self,
        *,
        logits: GateLogits = "self",
        num_streams: int = 2,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.logits, self.num_streams = logits, num_streams
        if logits != "self":
            self.bias = nn.Parameter(torch.empty(num_streams, device=device, dtype=dtype))
        if logits == "learned":
            self.weight = nn.Parameter(
                torch.empty(num_streams, num_streams, 1, 1, device=device, dtype=dtype)
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Let the streams be their own logits, or all weigh the same."""
        if self.logits != "self":
            nn.init.zeros_(self.bias)
        if self.logits == "learned":
            with torch.no_grad():
                self.weight.copy_(torch.eye(self.num_streams)[..., None, None])

    def forward(
        self, streams: Float[Tensor, "batch stream time freq"]
    ) -> Float[Tensor, "batch time freq"]:
        """Return the weighted mean of the streams."""
        sizes = {"stream": self.num_streams}
        check_shape("streams", streams, "batch stream time freq", **sizes)
        if self.logits == "self":
            return softmax_gate(streams)
        if self.logits == "learned":
            return softmax_gate(streams, functional.conv2d(streams, self.weight, self.bias))
        return softmax_gate(streams, self.bias[:, None, None].expand_as(streams))
