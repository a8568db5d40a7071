"""From the map of an encoder to the frames of the labels."""

from torch import Tensor, nn

from seldkit._settings import plain_settings
from seldkit._typing import Float
from seldkit.backbones import CRNN, HTSAT, HTSATBranches
from seldkit.layers import LabelRate


class LabelConv(nn.Module):
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
        kernel_time: Steps that the convolution reads at once, odd.
        rate: Makes label frames of steps.
    """

    @plain_settings()
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        num_bins: int,
        kernel_time: int,
        rate: LabelRate,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, out_channels, (kernel_time, num_bins), padding=(kernel_time // 2, 0)
        )
        self.rate = rate

    def forward(
        self, x: Float[Tensor, "batch channel step freq"], num_frames: int
    ) -> Float[Tensor, "batch frame out"]:
        """Return the label frames of features of so many frames."""
        frames: Tensor = self.rate(self.conv(x).squeeze(3).mT, num_frames)
        return frames


def label_conv(
    encoder: HTSAT | HTSATBranches | CRNN, out_channels: int, frames_per_label: int
) -> LabelConv:
    """Return what PSELDNets put behind an encoder.

    That is three steps and lines between them for HTS-AT; behind a CRNN a linear layer for each
    step, which is held.
    """
    recurrent = isinstance(encoder, CRNN)
    return LabelConv(
        encoder.out_channels,
        out_channels,
        num_bins=encoder.out_bins,
        kernel_time=1 if recurrent else 3,
        rate=LabelRate(
            encoder.frames_per_step, frames_per_label, filling="hold" if recurrent else "linear"
        ),
    )
