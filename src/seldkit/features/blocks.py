"""Features of whole clips, from samples to features block by block.

What one step leaves in the cache the next one reads there, and of the whole clip nothing but the
features is in memory.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from torch import Tensor

from seldkit._typing import Float
from seldkit.features.part import Part, WindowStream, reads_halves
from seldkit.features.real_spectrum import in_halves
from seldkit.features.stft import STFT, blocks, check_waveform
from seldkit.features.stream import PartsInStep


def in_blocks(
    stft: STFT, parts: Sequence[Part], waveform: Float[Tensor, "batch channel sample"]
) -> Float[Tensor, "batch out time bin"]:
    """Return the features of each clip, the parts' channels one after the other.

    Args:
        stft: The transform.
        parts: Parts that say on how many frames around it a frame's features depend.
        waveform: Whole clips.
    """
    check_waveform(waveform, stft.framing)
    batch, channels, num_samples = waveform.shape
    sizes = [part.num_channels(channels) for part in parts]
    count, bins = stft.num_frames(num_samples), parts[0].num_bins or stft.num_bins
    features = waveform.new_empty(batch, sum(sizes), count, bins)
    clips = stft.framing.clips_at_a_time(waveform)
    for places, some in zip(features.split(clips), waveform.split(clips), strict=True):
        _fill(places.split(sizes, dim=1), stft, parts, some)
    for part, place in zip(parts, features.split(sizes, dim=1), strict=True):
        if part.whole_clip:
            place.copy_(part.per_clip(place))
    return features


def _fill(places: Sequence[Tensor], stft: STFT, parts: Sequence[Part], waveform: Tensor) -> None:
    """Write the features of some clips before `per_clip`."""
    spectra: Iterator[Any] = blocks(stft, waveform)
    if len(parts) > 1 and all(reads_halves(part) for part in parts):
        # To take them apart pays from the second reader on.
        spectra = map(in_halves, spectra)
    in_step, done = PartsInStep([WindowStream(part) for part in parts]), 0
    for run in chain(map(in_step.push, spectra), (in_step.flush() for _ in range(1))):
        after = done + run[0].shape[2]
        for place, known in zip(places, run, strict=True):
            place[:, :, done:after].copy_(known)
        done = after
