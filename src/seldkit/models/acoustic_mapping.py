"""Latent acoustic mapping: from visibility matrices to maps of the sphere, learned."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_count, check_shape
from seldkit._settings import Shown, plain_settings
from seldkit._typing import Complex, Float
from seldkit.features.eigenvalues import with_eigenvalues
from seldkit.grids import DirectionGrid
from seldkit.models.back_projection import BackProjection

KERNELS = (3, 5, 7, 9)

Triangle = Literal["both", "lower"]


class LatentAcousticMap(Shown):
    r"""Energy from each point of the sphere, from the visibility of an array in bands.

    With $S_b = V \Lambda V^H$ and $\Lambda_+$ its eigenvalues without the negative ones,

    $$x_b = \sum_k \big| D_b^H v_k \sqrt{\lambda_k} \big|^2 - \tau_b$$

    is a beamformer whose weights $D_b$ and floors $\tau_b$ are learned. Four convolutions along the
    points, across bands, follow: $x \leftarrow \mathrm{ReLU}(\mathrm{conv}(x) + x_0)$.

    Shape:
        - Input: complex matrices `(batch, time, band, channel, channel)`.
        - Output: `(batch, time, band, point)`.

    Args:
        num_bands: Number of bands.
        num_channels: Number of microphones.
        num_points: Points of the sphere, next to each other in their order.
        triangle: `"both"` triangles of the matrices count, their Hermitian part; `"lower"` reads
            the lower one alone, as the published code does without saying so. For Hermitian
            matrices both are the same.
    """

    steering: nn.Parameter
    floor: nn.Parameter

    @plain_settings()
    def __init__(
        self,
        num_bands: int = 9,
        num_channels: int = 32,
        num_points: int = 484,
        *,
        triangle: Triangle = "both",
    ) -> None:
        super().__init__()
        self.num_bands, self.num_channels = num_bands, num_channels
        self.num_points, self.triangle = num_points, triangle
        self.steering = nn.Parameter(torch.empty(num_bands, num_channels, num_points, 2))
        self.floor = nn.Parameter(torch.empty(num_bands, num_points))
        self.convs = nn.ModuleList(
            nn.Conv1d(num_bands, num_bands, size, padding=size // 2) for size in KERNELS
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw tiny weights, as published: 1e-5 for beams, 1e-7 for floors, 1e-6 of Kaiming's."""
        nn.init.normal_(self.steering, std=1e-5)
        nn.init.normal_(self.floor, std=1e-7)
        for conv in self.convs:
            assert isinstance(conv, nn.Conv1d)
            assert conv.bias is not None  # as it is made
            nn.init.kaiming_uniform_(conv.weight, nonlinearity="relu")
            nn.init.constant_(conv.bias, 1e-6)
            with torch.no_grad():
                conv.weight.mul_(1e-6)

    def forward(
        self, matrices: Complex[Tensor, "batch time band channel channel"]
    ) -> Float[Tensor, "batch time band point"]:
        """Return the maps."""
        sizes = {"band": self.num_bands, "channel": self.num_channels}
        _check_complex(matrices)
        check_shape("matrices", matrices, "batch time band channel other", **sizes)
        check_shape("matrices", matrices, "batch time band other channel", **sizes)
        if self.triangle == "both":
            matrices = (matrices + matrices.mH) / 2
        else:
            below = matrices.tril(-1)
            diagonal = matrices.diagonal(dim1=-2, dim2=-1).real
            matrices = below + below.mH + torch.diag_embed(diagonal)
        beams = torch.view_as_complex(self.steering).to(matrices.dtype)
        positive = with_eigenvalues(matrices, _without_negative)
        power = (beams.mH @ positive * beams.mT).sum(dim=-1).real
        first = (power - self.floor).flatten(0, 1)
        x = first
        for conv in self.convs:
            x = functional.relu(conv(x) + first)
        maps: Tensor = x.unflatten(0, matrices.shape[:2])
        return maps


def _check_complex(matrices: Tensor) -> None:
    if not matrices.is_complex():
        raise TypeError(f"matrices must hold complex numbers, got {matrices.dtype}")


def _without_negative(values: Float[Tensor, "*batch row"]) -> tuple[Tensor, Tensor]:
    return values.clamp(min=0), (values > 0).to(values.dtype)


class UpLatentAcousticMap(Shown):
    """A map of few microphones: their visibility is lifted to that of many, which is mapped.

    See [`uplam`][seldkit.models.uplam].
    """

    def __init__(
        self, *, lift: nn.Module, mapping: nn.Module, num_channels: int | None = None
    ) -> None:
        super().__init__()
        self.num_channels = num_channels
        self.lift, self.mapping = lift, mapping

    def forward(
        self, matrices: Complex[Tensor, "batch time band channel channel"]
    ) -> Float[Tensor, "batch time band point"]:
        """Return the maps."""
        _check_complex(matrices)
        sizes = {} if self.num_channels is None else {"channel": self.num_channels}
        check_shape("matrices", matrices, "batch time band channel other", **sizes)
        lifted = self.lift(matrices.flatten(0, 1)).unflatten(0, matrices.shape[:2])
        return self.mapping(lifted)  # type: ignore[no-any-return]


@builder
@plain_settings()
def lam(
    num_bands: int = 9,
    num_channels: int = 32,
    num_points: int = 484,
    *,
    triangle: Triangle = "both",
) -> LatentAcousticMap:
    """Build LAM, latent acoustic mapping of a dense array.

    Published code adds a decoder with fixed steering vectors, by which the network learns to
    explain the matrices without labels; this is the encoder, whose maps are the acoustic planes.

    Args:
        num_bands: Bands of [`visibility`][seldkit.features.visibility].
        num_channels: Microphones; 32 for an Eigenmike.
        num_points: Points of the sphere, those of [`lam_points`][seldkit.models.lam_points] if
            484.
        triangle: See [`LatentAcousticMap`][seldkit.models.LatentAcousticMap].

    Returns:
        A network from matrices `(batch, time, band, channel, channel)` to maps
        `(batch, time, band, point)`.

    Raises:
        ValueError: If a number is not positive.

    Source: Roman et al., "Latent acoustic mapping for direction of arrival estimation: a
    self-supervised approach", 2025, and the baseline of DCASE 2026 task 3.

    Examples:
        >>> model = lam()
        >>> sum(p.numel() for p in model.parameters())
        285120
    """
    return LatentAcousticMap(num_bands, num_channels, num_points, triangle=triangle)


@builder
@plain_settings()
def uplam(
    num_bands: int = 9,
    num_points: int = 484,
    *,
    scale: int = 8,
    num_channels: int = 4,
    filters: int = 32,
    features: int = 128,
    triangle: Triangle = "both",
) -> UpLatentAcousticMap:
    """Build UpLAM: the visibility of four microphones lifted to 32, then LAM.

    The lifted matrices are not Hermitian. The published code takes their lower triangle, and hands
    the names of activations to arguments that mean the bias; the layers are the same as here.

    Args:
        num_bands: Bands of [`visibility`][seldkit.features.visibility].
        num_points: Points of the sphere.
        scale: How many times more microphones the lifted matrices have: 2, 4 or 8.
        num_channels: Microphones.
        filters: Channels of the back-projection.
        features: Channels of its first convolution.
        triangle: See [`LatentAcousticMap`][seldkit.models.LatentAcousticMap]; `"lower"` is as
            published.

    Returns:
        A network from matrices `(batch, time, band, channel, channel)` to maps
        `(batch, time, band, point)`.

    Raises:
        ValueError: If a number is not positive, or the scale is another.

    Source: the baseline of DCASE 2026 task 3; Haris et al., "Deep back-projection networks for
    super-resolution", CVPR 2018.

    Examples:
        >>> model = uplam()
        >>> sum(p.numel() for p in model.parameters())
        2979560
    """
    return UpLatentAcousticMap(
        lift=BackProjection(num_bands, scale=scale, filters=filters, features=features),
        mapping=LatentAcousticMap(num_bands, num_channels * scale, num_points, triangle=triangle),
        num_channels=num_channels,
    )


def lam_points(num_points: int = 484) -> DirectionGrid:
    r"""Return the points of the published maps: a Fibonacci spiral from the top.

    Azimuths are $2 \pi n / \varphi$; planes on another grid are
    `maps[..., lam_points().nearest(grid.directions)]`, whereas the published planes take the
    nearest point in degrees of azimuth and elevation.

    Args:
        num_points: How many.

    Examples:
        >>> lam_points()
        DirectionGrid(484 points)
    """
    check_count(num_points=num_points)
    number = torch.arange(num_points, dtype=torch.float64)
    z = 1 - (2 * number + 1) / num_points
    turn = number * (4 * torch.pi / (1 + 5**0.5))
    level = (1 - z.square()).sqrt()
    return DirectionGrid(torch.stack((level * turn.cos(), level * turn.sin(), z), dim=1))
