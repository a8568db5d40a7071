"""What channels mean is what they do: levels rise with the sound, cues and lags do not."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit.features import GCCPHAT, STFT, FeatureExtractor, LogMagnitude, Part, presets


@pytest.mark.parametrize("name", sorted({*presets.__all__} - {"ngcc_phat"}))  # no decibels
def test_channels_rise_by_what_they_say(name: str) -> None:
    extractor = getattr(presets, name)().double()
    waveform = 0.1 * torch.randn(1, extractor.in_channels, 12000, dtype=torch.float64)
    louder = extractor(waveform * 10 ** (6 / 20)) - extractor(waveform)
    assert len(extractor.meanings) == extractor.num_channels
    for channel, meaning in enumerate(extractor.meanings):
        if meaning.bins == "sample":  # neither
            continue
        assert meaning.per_db is not None
        rise = louder[0, channel].median()
        assert abs(float(rise) - 6 * meaning.per_db) < 0.05, meaning


@pytest.mark.parametrize("name", presets.__all__)
def test_silence_is_a_frame_of_it(name: str) -> None:
    extractor = getattr(presets, name)()
    features = extractor(torch.zeros(1, extractor.in_channels, 12000))
    middle = features[0, :, features.shape[2] // 2]
    torch.testing.assert_close(extractor.silence().float(), middle, atol=1e-4, rtol=0)
    nowhere = torch.zeros(1, 1, 1, 1, dtype=torch.bool)
    assert torch.equal(extractor.silenced(features, nowhere), features)


def test_levels_end_below_the_loudest_of_the_clip() -> None:
    extractor: FeatureExtractor = presets.dcase2023_foa()
    features = extractor(torch.randn(2, 4, 12000))
    assert features[:, :4].amin() > -60
    mask = torch.zeros(2, 1, features.shape[2], 1, dtype=torch.bool)
    mask[:, :, 3:6] = True
    found = extractor.silenced(features, mask)
    kept = features.where(~mask, -1000.0)[:, :4].amax(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(found[:, :4, 3:6], (kept - 80).expand(-1, -1, 3, 64))
    assert not found[:, 4:, 3:6].abs().amax() > 1e-4


def test_a_part_of_ones_own_says_it_or_is_told_so() -> None:
    class Power(Part):
        lookback = lookahead = 0

        def forward(self, spectrum: Any) -> Tensor:
            power: Tensor = spectrum.real.square() + spectrum.imag.square()
            return power

    stft = STFT(n_fft=64, hop_length=32)
    extractor = FeatureExtractor(stft, [LogMagnitude(), Power()], in_channels=2)
    with pytest.raises(
        ValueError, match=r"Power\(\) must say its meaning to be augmented, got none"
    ):
        _ = extractor.meanings
    Power.meaning = LogMagnitude.meaning
    assert len(extractor.meanings) == 4
    plain = GCCPHAT(8, exponent=0.5).meanings(3)
    assert [meaning.per_db for meaning in plain] == [None] * 3
