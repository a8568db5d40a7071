"""From the steps of a network to the frames of the labels."""

from typing import Literal

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float

Filling = Literal["linear", "hold"]


class LabelRate(Shown):
    """Turn steps of some feature frames each into label frames of a number that need not fit.

    Every step is spread over its feature frames; the mean over the frames of a label is the label
    frame. The number of label frames follows the features, whatever the network padded or dropped:
    steps beyond are cut, and where they end too soon the last one goes on.

    Source: the published code of PSELDNets (Hu et al., IEEE TASLP 2025), which fills 32 frames a
    step linearly (HTS-AT) or holds each of 8 (CNN), for labels of 10 frames.

    Shape:
        - Inputs: `(batch, step, ...)`, and the number of feature frames.
        - Output: `(batch, num_frames // frames_per_label, ...)`.

    Args:
        frames_per_step: Feature frames of one step.
        frames_per_label: Feature frames of one label frame.
        filling: Between steps, `"linear"` draws a line from the middle of one to that of the next,
            `"hold"` keeps the value for the whole step.

    Examples:
        >>> steps = torch.tensor([[1.0, 2.0, 6.0]])
        >>> LabelRate(4, 3, filling="hold")(steps, num_frames=13)
        tensor([[1.0000, 1.6667, 3.3333, 6.0000]])
    """

    @plain_settings()
    def __init__(
        self, frames_per_step: int, frames_per_label: int, *, filling: Filling = "linear"
    ) -> None:
        super().__init__()
        self.frames_per_step, self.frames_per_label = frames_per_step, frames_per_label
        self.filling = filling

    def forward(
        self, x: Float[Tensor, "batch step *rest"], num_frames: int
    ) -> Float[Tensor, "batch frame *rest"]:
        """Return the label frames of features of so many frames."""
        if x.ndim < 2 or x.shape[1] == 0:
            raise ValueError(f"x must be (batch, step, ...) with steps, got {tuple(x.shape)}")
        if num_frames < self.frames_per_label:
            raise ValueError(
                f"num_frames must be at least frames_per_label={self.frames_per_label},"
                f" got {num_frames}"
            )
        size, last = self.frames_per_step, x.shape[1] - 1
        num_labels = num_frames // self.frames_per_label
        frame = torch.arange(num_labels * self.frames_per_label, device=x.device)
        frame = frame.clamp(max=(last + 1) * size - 1)  # where steps end, the last one goes on
        step = frame // size
        frames = x[:, step]
        if self.filling == "linear":
            # How far from the middle of the step, in half frames: whole numbers, so that any size
            # and length is exact.
            halves = 2 * (frame % size) + 1 - size
            other = (step + halves.sign()).clamp(0, last)
            share = (halves.abs() / (2 * size)).to(x.dtype).unflatten(0, (-1, *[1] * (x.ndim - 2)))
            frames = frames + share * (x[:, other] - frames)
        labels: Tensor = frames.unflatten(1, (num_labels, self.frames_per_label)).mean(dim=2)
        return labels


class LabelConv(Shown):
    """One convolution over all bins of a map, then the rate of the labels.

    Source: the heads of PSELDNets (Hu et al., IEEE TASLP 2025).

    Shape:
        - Inputs: a map `(batch, in_channels, step, num_bins)`, and the number of feature frames
          that it was made of.
        - Output: `(batch, frame, out_channels)`.

    Args:
        in_channels: Channels of the map.
        out_channels: Numbers for each label frame.
        num_bins: Frequency bins of the map.
        rate: Makes label frames of steps.
        kernel_time: Steps that the convolution reads at once, odd.

    Examples:
        >>> head = LabelConv(768, 13 * 3, num_bins=2, rate=LabelRate(32, 10))
        >>> head(torch.zeros(1, 768, 32, 2), num_frames=1001).shape
        torch.Size([1, 100, 39])
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        num_bins: int,
        rate: LabelRate,
        kernel_time: int = 3,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if kernel_time % 2 == 0:
            raise ValueError(f"kernel_time must be odd, got {kernel_time}")
        self.in_channels, self.num_bins = in_channels, num_bins
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            (kernel_time, num_bins),
            padding=(kernel_time // 2, 0),
            device=device,
            dtype=dtype,
        )
        self.rate = rate

    def reset_parameters(self) -> None:
        """Draw the convolution as `nn.Conv2d` does."""
        self.conv.reset_parameters()

    def forward(
        self, x: Float[Tensor, "batch channel step freq"], num_frames: int
    ) -> Float[Tensor, "batch frame out"]:
        """Return the label frames of features of so many frames."""
        sizes = {"channel": self.in_channels, "freq": self.num_bins}
        check_shape("x", x, "batch channel step+ freq", **sizes)
        frames: Tensor = self.rate(self.conv(x).squeeze(3).mT, num_frames)
        return frames
