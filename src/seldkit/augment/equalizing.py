"""Random filters and gains: other microphones, distances and recordings."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating, check_shape, integer
from seldkit._typing import Float
from seldkit.augment._chance import Chance, of_each
from seldkit.augment._extractor import Extractor, check_features
from seldkit.augment._labels import Labels

_NUM_LEVELS = 4
_BREAK = 700 / 12000  # the mel scale at 24 kHz, over half the sampling rate
_AT_FLOOR = 1e-4  # levels of silence, but for rounding


def equalize(
    x: Float[Tensor, "batch channel time *freq"],
    labels: Labels,
    *,
    tilt_db: float = 5.0,
    gain_db: float = 4.0,
    num_nodes: int = 8,
    extractor: Extractor | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time *freq"], Labels]:
    """Filter each clip at random by a smooth curve over frequency, and change its level.

    All channels of a clip get one curve, drawn at equally spaced bands from a normal law and linear
    in between, and one gain; so the differences between channels, which tell the direction, stay. A
    gain alone has `tilt_db=0`. Of features the levels change, cues of direction do not know the
    level; what is as quiet as silence stays so.

    Source: Nam et al., "FilterAugment: an acoustic environmental data augmentation method", ICASSP
    2022, the linear type with gains from a normal law.

    Args:
        x: Features in decibels before they are standardised, `(batch, channel, time, freq)`, or
            waveforms, `(batch, channel, sample)`, which are filtered without delay, with bands
            equally spaced over mel.
        labels: Their labels, of any kind, which stay.
        tilt_db: Standard deviation of the curve's nodes, in dB.
        gain_db: Standard deviation of the gain, in dB.
        num_nodes: Number of nodes of the curve, at least 2.
        extractor: What made the features, and knows which are levels, in which unit; with None the
            first four channels are levels in decibels and all others are left alone.
        p: Chance of each clip to be filtered.
        generator: Source of randomness, on the device of `x`; torch's own if None.

    Returns:
        Both, filtered and as they were.

    Raises:
        TypeError: If `x` holds integers, or the number of nodes is none.
        ValueError: If `x` has other axes, fewer channels than levels or is not of the extractor,
            the number of nodes is too small, the chance lies beyond 0..1, or features know the
            level in another way.

    Examples:
        >>> target = torch.zeros(2, 10, 14, 3)
        >>> filtered, _ = equalize(torch.zeros(2, 7, 10, 64), target)
        >>> filtered[:, :4].std() > 1, filtered[:, 4:].abs().max()
        (tensor(True), tensor(0.))
    """
    if integer("num_nodes", num_nodes) < 2:
        raise ValueError(f"num_nodes must be at least 2, got {num_nodes}")
    if x.ndim == 3:
        check_shape("x", x, "batch channel sample")
        check_floating(x=x)
        rise = None
    else:
        check_features(x, extractor)
        rise = _rise(x, extractor)
    chance = Chance(x, p, generator)
    if not len(x):
        return x, labels
    nodes = tilt_db * chance.normal(num_nodes) + gain_db * chance.normal(1)
    nodes = nodes * chance.chosen.unsqueeze(1)
    with torch.autocast(x.device.type, enabled=False):
        if rise is None:
            return _filtered(x, nodes), labels
        curve = functional.interpolate(
            nodes.unsqueeze(1), x.shape[3], mode="linear", align_corners=True
        )
        levels = x + rise * curve.unsqueeze(2)
        if extractor is not None:
            silence = extractor.silence().to(levels).unsqueeze(1)
            moves = (rise > 0) & (of_each(chance.chosen, x))
            silent = (x.minimum(levels) <= silence + _AT_FLOOR) & moves
            levels = extractor.silenced(levels, silent)
        return levels.to(x.dtype), labels


def _rise(features: Tensor, extractor: Extractor | None) -> Float[Tensor, "_ channel one one"]:
    """Return by how much each channel rises with every decibel."""
    channels = features.shape[1]
    if extractor is None:
        if channels < _NUM_LEVELS:
            raise ValueError(
                f"extractor must be given for fewer than {_NUM_LEVELS} channels, got {channels}"
            )
        rises = [1.0] * _NUM_LEVELS + [0.0] * (channels - _NUM_LEVELS)
    else:
        rises = []
        for number, meaning in enumerate(extractor.meanings):
            if meaning.per_db is None:
                raise ValueError(
                    "features must be levels, or not know the level, to be filtered, but channel"
                    f" {number} is neither"
                )
            rises.append(meaning.per_db)
    exact = torch.promote_types(features.dtype, torch.float32)
    return torch.tensor(rises, dtype=exact, device=features.device).reshape(1, -1, 1, 1)


def _filtered(waveform: Tensor, nodes: Tensor) -> Tensor:
    """Return waveforms filtered by a curve of so many decibels, without delay."""
    wide = waveform.to(torch.promote_types(waveform.dtype, torch.float32))
    spectrum = torch.fft.rfft(wide)
    place = torch.linspace(0, 1, spectrum.shape[2], device=wide.device, dtype=wide.dtype)
    place = (place / _BREAK).log1p() / math.log1p(1 / _BREAK) * (nodes.shape[1] - 1)
    first = place.long().clamp(max=nodes.shape[1] - 2)
    left, right = nodes.to(wide)[:, first], nodes.to(wide)[:, first + 1]
    curve = left + (right - left) * (place - first)
    gain = (10 ** (curve / 20)).unsqueeze(1)
    filtered: Tensor = torch.fft.irfft(spectrum * gain, n=waveform.shape[2])
    return filtered.to(waveform.dtype)
