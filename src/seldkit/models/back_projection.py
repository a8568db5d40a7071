"""Back-projection: small matrices lifted to large ones, whose errors at the small size count."""

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Complex, Float

WINDOWS = {2: (6, 2, 2), 4: (8, 4, 2), 8: (12, 8, 2)}
"""Kernel, stride and padding by scale."""


class BackProjection(Shown):
    """Complex matrices in bands, so many times larger; real and imaginary parts apart.

    Each part passes through two convolutions, is lifted, brought down and lifted again, and both
    lifted versions make the result.

    Source: Haris et al., "Deep back-projection networks for super-resolution", CVPR 2018, in the
    reduced form of the baseline of DCASE 2026 task 3.

    Shape:
        - Input: complex `(batch, band, row, column)`.
        - Output: complex `(batch, band, scale * row, scale * column)`.

    Args:
        num_bands: Number of bands.
        scale: 2, 4 or 8.
        filters: Channels within.
        features: Channels of the first convolution.
    """

    @plain_settings()
    def __init__(
        self, num_bands: int, *, scale: int = 8, filters: int = 32, features: int = 128
    ) -> None:
        super().__init__()
        check_choice("scale", scale, WINDOWS)
        self.num_bands, self.scale = num_bands, scale
        self.filters, self.features = filters, features
        self.real = _Part(num_bands, scale, filters, features)
        self.imag = _Part(num_bands, scale, filters, features)

    def forward(
        self, x: Complex[Tensor, "batch band row column"]
    ) -> Complex[Tensor, "batch band more_rows more_columns"]:
        """Return the larger matrices."""
        check_shape("x", x, "batch band row column", band=self.num_bands)
        real, imag = self.real(x.real), self.imag(x.imag)  # autocast makes them shorter
        return torch.complex(real.to(x.real.dtype), imag.to(x.real.dtype))


class _Part(nn.Module):
    """What becomes of the real or the imaginary part."""

    def __init__(self, num_bands: int, scale: int, filters: int, features: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(num_bands, features, 3, padding=1),
            nn.PReLU(),
            nn.Conv2d(features, filters, 1),
            nn.PReLU(),
        )
        self.up = _Projection(filters, scale, up=True)
        self.down = _Projection(filters, scale, up=False)
        self.again = _Projection(filters, scale, up=True)
        self.last = nn.Conv2d(2 * filters, num_bands, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.kaiming_normal_(module.weight)
                assert module.bias is not None  # as it is made
                nn.init.zeros_(module.bias)

    def forward(
        self, x: Float[Tensor, "batch band row column"]
    ) -> Float[Tensor, "batch band more_rows more_columns"]:
        once = self.up(self.first(x))
        twice = self.again(self.down(once))
        return self.last(torch.cat((twice, once), dim=1))  # type: ignore[no-any-return]


class _Projection(nn.Module):
    """To the other size, back, and what is lost on the way added at the other size."""

    def __init__(self, filters: int, scale: int, *, up: bool) -> None:
        super().__init__()
        kernel, stride, padding = WINDOWS[scale]

        def step(up: bool) -> nn.Sequential:
            kind = nn.ConvTranspose2d if up else nn.Conv2d
            return nn.Sequential(kind(filters, filters, kernel, stride, padding), nn.PReLU())

        self.there, self.back, self.correct = step(up), step(not up), step(up)

    def forward(
        self, x: Float[Tensor, "batch channel row column"]
    ) -> Float[Tensor, "batch channel other_rows other_columns"]:
        there = self.there(x)
        return self.correct(self.back(there) - x) + there  # type: ignore[no-any-return]
