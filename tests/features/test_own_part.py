"""A part of one's own, written as the documentation says, keeps all that an extractor promises."""

import inspect
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from seldkit.augment import channel_swaps, swap_channels
from seldkit.features import (
    STFT,
    ChannelSwap,
    FeatureExtractor,
    FeatureStream,
    LogMagnitude,
    Part,
)


class BandEnergy(Part):
    """Logarithm of the power of W in bands of one width, averaged over three frames."""

    lookback = lookahead = 1
    needs_rate = reads_foa = True

    def __init__(self, width_hz: float = 1000.0) -> None:
        super().__init__()
        self.width_hz = width_hz

    def make(self, n_fft: int, sample_rate: int | None) -> None:
        """Choose the bins of each band."""
        assert sample_rate is not None  # as it is needed
        self.size = round(self.width_hz * n_fft / sample_rate)
        self.num_bins = (n_fft // 2 + 1) // self.size

    def num_channels(self, in_channels: int) -> int:
        """Return one: W."""
        return 1

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the level of each band."""
        power = spectrum.real[:, :1].square() + spectrum.imag[:, :1].square()
        bands = power.unfold(3, self.size, self.size).sum(dim=4)
        return avg_pool2d(bands, (3, 1), 1, (1, 0), count_include_pad=False).log10()

    def turn(self, features: Tensor, swap: ChannelSwap) -> Tensor:
        """Return them as they are: W does not turn."""
        return features


def extractor(sample_rate: int | None = 16000) -> FeatureExtractor:
    """Return it beside a part of the library."""
    stft = STFT(n_fft=64, hop_length=20, sample_rate=sample_rate)
    return FeatureExtractor(stft, [BandEnergy(), LogMagnitude((0, 8))])


def test_it_is_short() -> None:
    assert len(inspect.getsource(BandEnergy).splitlines()) <= 30


def test_it_is_bound_and_shown() -> None:
    part: Any = extractor().parts[0]
    assert (part.size, part.num_bins, part.n_fft, part.sample_rate) == (4, 8, 64, 16000)
    assert repr(part) == "BandEnergy(1000.0)"
    with pytest.raises(
        ValueError, match=r"sample_rate must be said by .* for BandEnergy, got none"
    ):
        extractor(None)


def test_blocks_streams_and_turns_give_what_the_clip_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    made, waveform = extractor(), torch.randn(1, 4, 1000)
    spectrum = made.stft(waveform)
    expected = torch.cat([part(spectrum) for part in made.parts], dim=1)
    assert expected.shape == (1, made.num_channels, 51, made.num_bins) == (1, 5, 51, 8)
    monkeypatch.setattr("seldkit.features.framing._BLOCK", 3 * 4 * 64)
    torch.testing.assert_close(made(waveform), expected)
    stream = made.stream()
    pieces = [stream.push(chunk) for chunk in waveform[0].split(130, dim=1)]
    torch.testing.assert_close(torch.cat([*pieces, stream.flush()], dim=1), expected[0])
    turn = channel_swaps(16)[5:6]
    turned = made(swap_channels(waveform, turn))
    torch.testing.assert_close(made.turn(expected, turn[0]), turned)
    assert made.half()(waveform).dtype == torch.float16


@pytest.mark.transforms
def test_it_is_exported_without_complex_numbers() -> None:
    made, waveform = extractor(), torch.randn(1, 4, 1000)
    copy = made.for_export()
    torch.testing.assert_close(copy(waveform), made(waveform), rtol=1e-4, atol=1e-3)


class Loudest(Part):
    """Magnitudes beside the loudest of the whole clip; it says nothing about frames."""

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return magnitudes from 0 to 1."""
        return spectrum.abs() / spectrum.abs().amax(dim=(2, 3), keepdim=True)


class WrongCount(Part):
    """One that says the channels of the spectrum and returns one."""

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the first channel."""
        return spectrum[:, :1].abs()


class Nothing(Part):
    """One without a forward."""


def test_a_part_that_says_little_is_right_on_whole_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldkit.features.framing._BLOCK", 3 * 4 * 64)
    made = FeatureExtractor(STFT(n_fft=64, hop_length=20), [Loudest()])
    waveform = torch.randn(2, 4, 400)
    assert (made.num_channels, made.num_bins) == (4, 33)
    assert (made(waveform).amax(dim=(2, 3)) == 1).all()
    message = r"Loudest\(\) must say its lookback and lookahead to stream, got None and None"
    with pytest.raises(ValueError, match=message):
        made.stream()


@pytest.mark.parametrize("reach", [0, None])
def test_features_are_held_against_what_the_part_says(reach: int | None) -> None:
    part = WrongCount()
    part.lookback = part.lookahead = reach
    made = FeatureExtractor(STFT(n_fft=64, hop_length=20), [part])
    message = r"must return \(batch, out=4, time, bin=33\), as it says, got shape \(1, 1, 21, 33\)"
    with pytest.raises(RuntimeError, match=message):
        made(torch.randn(1, 4, 400))


@pytest.mark.messages
def test_what_is_no_part_is_refused() -> None:
    stft = STFT(n_fft=64, hop_length=20)
    plain: list[Part] = [nn.Identity()]  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"parts must be seldkit\.features\.Part, got Identity"):
        FeatureExtractor(stft, plain)
    with pytest.raises(TypeError, match=r"parts must be seldkit\.features\.Part, got Identity"):
        FeatureStream(stft, plain, in_channels=4)
    with pytest.raises(NotImplementedError, match="Nothing must have a method forward"):
        FeatureExtractor(stft, [Nothing()])(torch.zeros(1, 4, 400))
