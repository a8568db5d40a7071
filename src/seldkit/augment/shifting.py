"""Shifts: in time around the end of a clip, and in frequency."""

import torch
from torch import Tensor

from seldkit._checks import check_count
from seldkit._typing import Float
from seldkit.augment._chance import Chance
from seldkit.augment._extractor import Extractor, along_frequency, check_features
from seldkit.augment._labels import Labels, check_frames, pick_frames, sound_of_frames


def shift_time(
    x: Float[Tensor, "batch channel time *freq"],
    labels: Labels,
    *,
    ratio: int,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time *freq"], Labels]:
    """Shift each clip and its labels by the same number of label frames, around the end.

    Every shift is drawn uniformly from all label frames of the clip, so a label frame still has all
    its samples or feature frames.

    Args:
        x: Waveforms `(batch, channel, sample)` or features `(batch, channel, time, freq)`.
        labels: Targets of any format, `(batch, frame, ...)`, or the events of each clip.
        ratio: Samples or feature frames of a label frame.
        p: Chance of each clip to be shifted.
        generator: Source of randomness, on the device of `x`; torch's own if None.

    Returns:
        Both after the shift; events are in the order of their frames.

    Raises:
        TypeError: If the labels are of another kind, or the ratio no integer.
        ValueError: If the waveform or features are not `ratio` times as long as the labels, or the
            chance lies beyond 0..1.

    Examples:
        >>> waveform, target = torch.arange(6.0).reshape(1, 1, 6), torch.arange(3.0).reshape(1, 3)
        >>> _ = torch.manual_seed(0)
        >>> shift_time(waveform, target, ratio=2)
        (tensor([[[2., 3., 4., 5., 0., 1.]]]), tensor([[1., 2., 0.]]))
    """
    frames = check_frames(x, labels, ratio)
    chance = Chance(x, p, generator)
    shift = chance.below(frames) * chance.chosen
    frame = (torch.arange(frames, device=x.device) - shift.unsqueeze(1)) % frames
    same = torch.arange(len(x), device=x.device)
    return sound_of_frames(x, same, frame), pick_frames(
        labels, frame, torch.ones_like(frame).bool()
    )


def shift_frequency(
    features: Float[Tensor, "batch channel time freq"],
    labels: Labels,
    *,
    max_bins: int = 8,
    extractor: Extractor | None = None,
    p: float = 1.0,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch channel time freq"], Labels]:
    """Shift each clip up or down along frequency, all its channels alike: other voices and sizes.

    Bins that the shift leaves open mirror those beside them. Lags and other bins that are no
    frequencies stay. Phases in bins of frequency would tell another direction there and cannot be
    shifted; paths and intensity can.

    Source: the published code of Hu et al., "PSELDNets: pre-trained neural networks on large-scale
    synthetic datasets for sound event localization and detection", 2024, where shifts of 0 to 14
    bins go down only.

    Args:
        features: Features of the batch.
        labels: Their labels, of any kind, which stay.
        max_bins: Furthest shift, in bins, below the number of bins; all from that far down to that
            far up are equally likely.
        extractor: What made the features, and knows which channels lie along frequency; None takes
            all.
        p: Chance of each clip to be shifted.
        generator: Source of randomness, on the device of the features; torch's own if None.

    Returns:
        Shifted features, and the labels.

    Raises:
        TypeError: If the features hold integers, or the shift is none.
        ValueError: If the shift is not from 1 to below the number of bins, the chance lies beyond
            0..1, the features are not those of the extractor, or some are phases.

    Examples:
        >>> features, target = torch.arange(5.0).reshape(1, 1, 1, 5), torch.zeros(1, 1, 2, 3)
        >>> _ = torch.manual_seed(0)
        >>> shift_frequency(features, target, max_bins=2)[0].flatten()
        tensor([1., 0., 1., 2., 3.])
    """
    check_features(features, extractor)
    check_count(max_bins=max_bins)
    bins = features.shape[3]
    if max_bins >= bins:
        raise ValueError(f"max_bins must be below the {bins} bins of the features, got {max_bins}")
    for number, meaning in enumerate(() if extractor is None else extractor.meanings):
        if not meaning.anywhere:
            raise ValueError(
                "features must mean the same in every bin to be shifted, but channel"
                f" {number} holds phases"
            )
    chance = Chance(features, p, generator)
    shift = (chance.below(2 * max_bins + 1) - max_bins) * chance.chosen
    place = (torch.arange(bins, device=features.device) - shift.unsqueeze(1)).abs()
    place = bins - 1 - (bins - 1 - place).abs()
    shifted = features.take_along_dim(place[:, None, None, :], dim=3)
    return torch.where(along_frequency(features, extractor), shifted, features), labels
