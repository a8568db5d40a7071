"""Masks: parts of the features are as silence makes them, and the network does without."""

import torch
from torch import Tensor

from seldkit._checks import integer
from seldkit._typing import Bool, Float, Int
from seldkit.augment._chance import Chance
from seldkit.augment._extractor import Extractor, along_frequency, check_features
from seldkit.augment._labels import Labels, check_frames, pick_frames


def spec_augment(
    features: Float[Tensor, "batch channel time freq"],
    labels: Labels,
    *,
    num_time: int = 2,
    max_time: int = 20,
    num_freq: int = 2,
    max_freq: int = 8,
    ratio: int | None = None,
    extractor: Extractor | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time freq"], Labels]:
    """Mask runs of frames, and bands of frequency, of each clip (SpecAugment).

    All channels of a clip get one mask, so that no cue shows what a level hides. Channels that do
    not lie along frequency, as the lags of GCC-PHAT, are masked in time alone. What is masked is as
    silence: 0 is loud in decibels, and no neutral value. So mask before features are standardised.

    Source: Park et al., "SpecAugment: a simple data augmentation method for automatic speech
    recognition", Interspeech 2019, without its warping of time.

    Args:
        features: Features of the batch.
        labels: Their labels, of any kind.
        num_time: Number of masks in time.
        max_time: Longest of them, in frames; lengths from 0 are equally likely.
        num_freq: Number of masks in frequency.
        max_freq: Widest of them, in bins; widths from 0 are equally likely.
        ratio: Feature frames of a label frame: masks in time cover whole label frames then, and
            labels are silent there too, as PSELDNets train. With None labels stay as they are.
        extractor: What made the features: it knows the channels, and what silence gives. None takes
            all channels along frequency, and the mean of each channel of the clip for silence,
            which will do for features that are standardised.
        p: Chance of each clip to be masked.
        generator: Source of randomness, on the device of the features; torch's own if None.

    Returns:
        Both after masking.

    Raises:
        TypeError: If the features hold integers, a size is none, or the labels are of another kind.
        ValueError: If a size is negative, the chance lies beyond 0..1, the features are not those
            of the extractor, or with a ratio not that many times as long as the labels, or masks
            that are shorter than one.

    Examples:
        >>> from seldkit.features import presets
        >>> extractor, _ = presets.ein_seld(), torch.manual_seed(2)
        >>> features, target = torch.zeros(1, 7, 160, 256), torch.zeros(1, 40, 14, 3)
        >>> masked, _ = spec_augment(features, target, extractor=extractor)
        >>> masked[:, :4].unique(), masked[:, 4:].unique()
        (tensor([-100.,    0.]), tensor([0.]))
    """
    sizes = {"num_time": num_time, "max_time": max_time, "num_freq": num_freq, "max_freq": max_freq}
    check_features(features, extractor)
    _check_sizes(**sizes)
    chance, frames, unit = Chance(features, p, generator), features.shape[2], 1
    if ratio is not None:
        frames, unit = check_frames(features, labels, ratio), ratio
        if num_time and 0 < max_time < ratio:
            raise ValueError(f"max_time must hold a label frame, ratio={ratio}, got {max_time}")
    in_time = _runs(chance, num_time, max_time // unit, frames).any(dim=1)
    in_time &= chance.chosen.unsqueeze(1)
    in_freq = _runs(chance, num_freq, max_freq, features.shape[3]).any(dim=1)
    in_freq &= chance.chosen.unsqueeze(1)
    if ratio is not None:
        every = torch.arange(frames, device=features.device).expand(len(features), -1)
        labels = pick_frames(labels, every, ~in_time)
    long = in_time.repeat_interleave(unit, dim=1)[:, None, :, None]
    mask = long | (in_freq[:, None, None, :] & along_frequency(features, extractor))
    return silenced(features, mask, extractor), labels


def cutout(
    features: Float[Tensor, "batch channel time freq"],
    labels: Labels,
    *,
    num: int = 4,
    max_time: int = 8,
    max_freq: int = 8,
    extractor: Extractor | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time freq"], Labels]:
    """Mask rectangles of time and frequency of each clip.

    Channels, silence and standardisation are as in
    [`spec_augment`][seldkit.augment.spec_augment]; channels that do not lie along frequency stay.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with
    cutout", 2017.

    Args:
        features: Features of the batch.
        labels: Their labels, of any kind, which stay.
        num: Number of rectangles.
        max_time: Longest of them, in frames; lengths from 0 are equally likely.
        max_freq: Widest of them, in bins; widths from 0 are equally likely.
        extractor: What made the features, see [`spec_augment`][seldkit.augment.spec_augment].
        p: Chance of each clip to be masked.
        generator: Source of randomness, on the device of the features; torch's own if None.

    Returns:
        Features with rectangles cut out, and the labels.

    Raises:
        TypeError: If the features hold integers, or a size is none.
        ValueError: If a size is negative, the chance lies beyond 0..1, or the features are not
            those of the extractor.

    Examples:
        >>> features, target = torch.arange(9.0).reshape(1, 1, 3, 3), torch.zeros(1, 3, 2, 3)
        >>> _ = torch.manual_seed(28)
        >>> cutout(features, target, num=1, max_time=2, max_freq=2)[0][0, 0]  # their mean is 4
        tensor([[0., 1., 2.],
                [3., 4., 4.],
                [6., 4., 4.]])
    """
    check_features(features, extractor)
    _check_sizes(num=num, max_time=max_time, max_freq=max_freq)
    chance = Chance(features, p, generator)
    in_time = _runs(chance, num, max_time, features.shape[2]).unsqueeze(3)
    in_freq = _runs(chance, num, max_freq, features.shape[3]).unsqueeze(2)
    mask = ((in_time & in_freq).any(dim=1) & chance.chosen.reshape(-1, 1, 1)).unsqueeze(1)
    return silenced(features, mask & along_frequency(features, extractor), extractor), labels


def silenced(features: Tensor, mask: Tensor, extractor: Extractor | None) -> Tensor:
    """Return the features with those of silence where the mask says so."""
    with torch.autocast(features.device.type, enabled=False):
        if extractor is not None:
            return extractor.silenced(features, mask).to(features.dtype)
        wide = features.to(torch.promote_types(features.dtype, torch.float32))
        mean = wide.mean(dim=(2, 3), keepdim=True).to(features.dtype)
        return torch.where(mask, mean, features)


def _runs(chance: Chance, count: int, longest: int, length: int) -> Bool[Tensor, "batch run _"]:
    """Return runs of a length drawn from 0 to the longest, somewhere in so many places."""
    size: Int[Tensor, "batch run"] = chance.below(min(longest, length) + 1, count)
    first = chance.below(length - size + 1, count).unsqueeze(2)
    place = torch.arange(length, device=size.device)
    return (place >= first) & (place < first + size.unsqueeze(2))


def _check_sizes(**sizes: object) -> None:
    for name, value in sizes.items():
        if integer(name, value) < 0:
            raise ValueError(f"{name} must not be negative, got {value}")
