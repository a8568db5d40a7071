"""Parts of a recording, at the rate of whoever listens to it."""

from collections.abc import Callable
from os import PathLike
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import integer
from seldkit._typing import Float
from seldkit.io import audio_info, read_audio
from seldkit.io.resampling import Ratio, Samples, resampled
from seldkit.pipeline.audio import Audio, open_audio


class Excerpts(NamedTuple):
    """A recording at some rate, of which parts are read.

    Attributes:
        num_samples: Samples of each channel.
        inside: Returns the samples from a place to another, both within the recording.
    """

    num_samples: int
    inside: Callable[[int, int], Tensor]

    @classmethod
    def of(
        cls, audio: Audio, sample_rate: int | None, rate: int, channels: int | None = None
    ) -> "Excerpts":
        """Return the excerpts of a file, which is read part by part, or of a waveform.

        Args:
            audio: The recording.
            sample_rate: Of a waveform; None for a file.
            rate: Of the excerpts, in hertz.
            channels: How many there must be; None for any number.

        Raises:
            TypeError: If the audio or the rate is of a wrong kind, or a waveform holds integers.
            ValueError: If the rate, the channels or the samples are wrong.
        """
        if isinstance(audio, str | PathLike):
            channels = channels or audio_info(audio).num_channels
            source = open_audio(audio, sample_rate, expected=rate, channels=channels)
            return cls(
                source.num_samples,
                lambda start, stop: read_audio(
                    audio, sample_rate=rate, start=start, frames=stop - start
                )[0],
            )
        own_rate = integer("sample_rate", sample_rate)
        channels = channels or _num_channels(audio)
        source = open_audio(audio, own_rate, expected=own_rate, channels=channels)
        waveform = torch.cat(list(source.blocks), dim=1).detach().cpu().float()
        waveform = _at_rate(waveform, own_rate, rate)
        return cls(waveform.shape[1], lambda start, stop: waveform[:, start:stop])

    def read(self, start: int, stop: int) -> Float[Tensor, "channel sample"]:
        """Return the samples from a place to another, silence where there are none."""
        first, last = max(start, 0), min(stop, self.num_samples)
        return functional.pad(self.inside(first, last), (first - start, stop - last))


def _num_channels(waveform: object) -> int:
    """Return how many channels a waveform has, or raise if it has none, or its axes are others."""
    if not hasattr(waveform, "shape"):
        return 1  # whoever opens it tells what it must be
    shape = tuple(waveform.shape)
    if len(shape) != 2 or not 1 <= shape[0] <= max(shape[1], 1):
        raise ValueError(
            "audio must be (channel, sample), with a channel and no more channels than samples, got"
            f" shape {shape}"
        )
    return int(shape[0])


def _at_rate(
    waveform: Float[Tensor, "channel _"], own_rate: int, rate: int
) -> Float[Tensor, "channel sample"]:
    if own_rate == rate:
        return waveform
    samples, ratio = waveform.numpy(), Ratio.between(own_rate, rate)

    def read(start: int, stop: int) -> Samples:
        inside = samples[:, max(start, 0) : max(stop, 0)]
        before = min(max(-start, 0), stop - start)
        return np.pad(inside, ((0, 0), (before, stop - start - before - inside.shape[1])))

    pieces = resampled(read, ratio, 0, ratio.length(samples.shape[1]))
    return torch.from_numpy(np.concatenate(list(pieces), axis=1))
