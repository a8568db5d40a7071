"""Time folded into a square image, as HTS-AT reads it."""

from einops import rearrange
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Float


class TimeFold(Shown):
    """Cut time into windows and fold each into a square image; join the maps of the windows again.

    An image is `rows = size // num_bins` strips of frequency, one below the other: the first of
    `size` frames, the last of the last `size`. So a window is `rows * size` frames, 1024 for 64
    bins and an image of 256. The last window is filled up with zeros.

    The published code knows one window: 10 s are 1001 frames of 10 ms, filled up to 1024. Longer
    input here is several of them, each folded as in training; a step is as long everywhere. (The
    published inference cuts audio into pieces of 10 s before the features; a
    [`Pipeline`][seldkit.pipeline.Pipeline] with windows and hops of 10 s does so too.)

    Source: Chen et al., "HTS-AT: a hierarchical token-semantic audio transformer for sound
    classification and detection", ICASSP 2022, section 2.2; Hu et al., "PSELDNets", IEEE TASLP
    2025, for zeros, where HTS-AT stretches time.

    Shape:
        - Input: `(batch, channel, time, freq=num_bins)`, any number of frames.
        - Output: `(batch * window, channel, height=size, width=size)`, height being frequency.

    Args:
        num_bins: Frequency bins.
        size: Height and width of the image, a multiple of `num_bins`.
        frames_per_step: How much smaller than the image a network's map is: a divisor of
            `num_bins`.

    Attributes:
        rows: Strips of an image.
        out_bins: Frequency bins of a map.

    Raises:
        ValueError: If a number is not positive or no divisor, or the input has another shape.

    Examples:
        >>> import torch
        >>> fold = TimeFold(64, size=256, frames_per_step=32)
        >>> fold(torch.zeros(2, 7, 1025, 64)).shape
        torch.Size([4, 7, 256, 256])
        >>> fold.unfold(torch.zeros(4, 768, 8, 8), batch=2).shape
        torch.Size([2, 768, 64, 2])
    """

    @plain_settings()
    def __init__(self, num_bins: int, *, size: int, frames_per_step: int) -> None:
        super().__init__()
        if size % num_bins:
            raise ValueError(f"size must be a multiple of num_bins={num_bins}, got {size}")
        if num_bins % frames_per_step:
            raise ValueError(f"num_bins must be a multiple of {frames_per_step}, got {num_bins}")
        self.num_bins, self.size, self.frames_per_step = num_bins, size, frames_per_step
        self.rows, self.out_bins = size // num_bins, num_bins // frames_per_step

    def forward(
        self, x: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "image channel height width"]:
        """Return the images of all windows, those of an item one after another."""
        check_shape("x", x, "batch+ channel time freq", freq=self.num_bins)
        x = functional.pad(x, (0, 0, 0, -x.shape[2] % (self.rows * self.size)))
        return rearrange(x, "b c (n r t) f -> (b n) c (r f) t", r=self.rows, t=self.size)

    def unfold(
        self, maps: Float[Tensor, "image channel height width"], *, batch: int
    ) -> Float[Tensor, "batch channel step bin"]:
        """Return the maps of all windows as one for each item, time and frequency as they were."""
        return rearrange(maps, "(b n) c (r f) t -> b c (n r t) f", b=batch, r=self.rows)
