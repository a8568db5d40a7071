"""The loss of delays between microphones, told as classes."""

from itertools import combinations

import torch
from torch import Tensor

from seldkit._checks import check_count, check_floating, check_positive, check_shape, check_vectors
from seldkit._typing import Bool, Float, Int
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.losses._arrangement import places_of_cost
from seldkit.losses._checks import check_mask, check_same_device, check_tensors
from seldkit.losses._module import LossModule
from seldkit.losses._reduce import full, own_precision


def delay_classes(
    positions: Float[Tensor, "*places axis=3"],
    array: ArrayGeometry,
    *,
    sample_rate: int = 24000,
    max_lag: int = 6,
) -> Int[Tensor, "*places pair"]:
    r"""Return the delay of each pair of microphones as a class: the lag at which it correlates.

    Of a source at $s$, microphones $m < n$ at $r_m$ and $r_n$, and the speed of sound $c$:

    $$k = \mathrm{round}\left(\frac{|s - r_m| - |s - r_n|}{c} f_s\right) + k_\mathrm{max},$$

    in 0 to $2 k_\mathrm{max}$; longer delays count as the longest.

    Source: Berg et al., "The LU system for DCASE 2024 sound event localization and detection
    challenge", DCASE 2024.

    Args:
        positions: Directions times distances, in metres.
        array: Where the microphones are.
        sample_rate: Sampling rate, in hertz.
        max_lag: Largest lag, in samples.

    Raises:
        TypeError: If positions are no floats.
        ValueError: If a number is not positive, or positions are not (x, y, z).

    Examples:
        A source on the left, two microphones 14.3 cm apart:

        >>> array = ArrayGeometry([[0.0, 0.0715, 0.0], [0.0, -0.0715, 0.0]])
        >>> delay_classes(torch.tensor([0.0, 2.0, 0.0]), array, sample_rate=12000)
        tensor([1])
    """
    check_floating(positions=positions)
    check_vectors(positions=positions)
    check_positive(sample_rate=sample_rate)
    check_count(max_lag=max_lag)
    places = array.positions.to(positions.device)
    distance = torch.linalg.vector_norm(positions.double().unsqueeze(-2) - places, dim=-1)
    pairs = list(combinations(range(len(places)), 2))
    first, second = ([pair[side] for pair in pairs] for side in (0, 1))
    delay = (distance[..., first] - distance[..., second]) * sample_rate / SPEED_OF_SOUND
    classes: Tensor = delay.round().long().clamp(-max_lag, max_lag) + max_lag
    return classes


def tdoa_loss(
    logits: Float[Tensor, "batch time lag track pair"],
    target: Int[Tensor, "batch time track pair"],
    active: Bool[Tensor, "batch time track"],
    *,
    mask: Bool[Tensor, "batch time"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy of the delays under the best arrangement of the sources on the tracks.

    For each frame and pair of microphones apart, the sources are put on all tracks so that each is
    used, as in [`adpit_loss`][seldkit.losses.adpit_loss]: with one source every track should tell
    it, with two on three tracks one of them is told twice. Frames without a source do not count.

    Source: Berg et al., "The LU system for DCASE 2024 sound event localization and detection
    challenge", DCASE 2024, as in the published code; that finds the best arrangement among the same
    for up to three tracks, and draws three of more sources at random.

    Args:
        logits: Of each delay, such as [`NGCCPHAT.delays`][seldkit.models.NGCCPHAT.delays] tells.
        target: Class of the delay of each source, as
            [`delay_classes`][seldkit.losses.delay_classes] returns; anything where none is.
        active: Where a source is; any of the tracks.
        mask: Which frames count; None for all.

    Returns:
        A scalar, averaged over tracks, pairs and frames with a source; 0, with a gradient of zeros,
        where there is none.

    Raises:
        TypeError: If one is no tensor, logits are no floats, the target holds no integers, or the
            others no booleans.
        ValueError: If shapes differ; on the processor, if a class is not one of the lags.

    Examples:
        Both tracks tell the one source, a delay of class 2:

        >>> logits = torch.tensor([-30.0, -30.0, 30.0]).reshape(1, 1, 3, 1, 1).expand(1, 1, 3, 2, 1)
        >>> target = torch.tensor([2, 0]).reshape(1, 1, 2, 1)
        >>> tdoa_loss(logits, target, torch.tensor([[[True, False]]]))
        tensor(0.)
    """
    check_tensors("tdoa_loss", logits=logits, target=target, active=active)
    check_floating(logits=logits)
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise TypeError(f"target must hold integers, got {target.dtype}")
    if active.dtype != torch.bool:
        raise TypeError(f"active must hold booleans, got {active.dtype}")
    check_shape("logits", logits, "batch time lag track pair")
    batch, time, lags, tracks, pairs = logits.shape
    sizes = {"batch": batch, "time": time, "track": tracks}
    check_shape("target", target, "batch time track pair", **sizes, pair=pairs)
    check_shape("active", active, "batch time track", **sizes)
    check_same_device(logits=logits, target=target, active=active)
    check_mask(mask, logits)
    if mask is not None:
        active = active & mask.unsqueeze(2)
    target = torch.where(active.unsqueeze(3), target, 0)
    _check_classes(target, lags)
    with own_precision(logits):
        chances = full(logits).log_softmax(dim=2)
        rows = target.permute(0, 1, 3, 2).unsqueeze(4).expand(-1, -1, -1, -1, tracks)
        cost = -chances.permute(0, 1, 4, 2, 3).gather(3, rows)  # batch time pair place track
        cost = cost.permute(4, 3, 0, 1, 2)  # track place batch time pair
        used = active.permute(2, 0, 1)[None, ..., None].expand(-1, -1, -1, -1, pairs)
        free = ~used
        tall = cost.detach().masked_fill(free, torch.finfo(cost.dtype).max / 2)
        place = places_of_cost(tall.flatten(2).clone(), used.to(cost.dtype).flatten(2))
        chosen = cost.gather(1, place.long().view(tracks, 1, batch, time, pairs)).squeeze(1)
        counts = active.any(dim=2).unsqueeze(2).to(cost.dtype)
        number = (counts.sum() * tracks * pairs).clamp(min=1)
        return (chosen * counts).sum() / number


class TDOALoss(LossModule):
    """Module form of [`tdoa_loss`][seldkit.losses.tdoa_loss]."""

    def forward(
        self,
        logits: Float[Tensor, "batch time lag track pair"],
        target: Int[Tensor, "batch time track pair"],
        active: Bool[Tensor, "batch time track"],
        mask: Bool[Tensor, "batch time"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the loss."""
        return tdoa_loss(logits, target, active, mask=mask)


def _check_classes(target: Tensor, lags: int) -> None:
    """Raise `ValueError` if a class is none of the lags, where values can be seen."""
    if torch.compiler.is_compiling() or target.device.type != "cpu" or target.numel() == 0:
        return
    low, high = map(int, target.aminmax())
    if low < 0 or high >= lags:
        raise ValueError(f"target must be in 0..{lags - 1}, got {low} to {high}")
