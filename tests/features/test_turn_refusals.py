"""Features that cannot be turned, and parts of one's own."""

import pytest
import torch
from torch import Tensor

from seldkit.arrays import ArrayGeometry
from seldkit.augment import channel_swaps, swap_channels
from seldkit.features import (
    STFT,
    TDOA,
    ChannelSwap,
    FeatureExtractor,
    IntensityVector,
    LogMagnitude,
    Part,
    presets,
)

MATRICES = channel_swaps(48)
TETRAHEDRON = ArrayGeometry.tetrahedron()


class Mine(Part):
    """A part of a user's own: the magnitude of W."""

    def num_channels(self, in_channels: int) -> int:
        """Return one."""
        return 1

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the magnitude."""
        return spectrum[:, :1].abs()


class MineTurns(Mine):
    """One that says how it turns."""

    def turn(self, features: Tensor, swap: ChannelSwap) -> Tensor:
        """Return the features: W stays what it is."""
        assert swap.index[0] == 0
        return features


def test_parts_of_ones_own() -> None:
    stft = STFT(n_fft=64, hop_length=32)
    extractor = FeatureExtractor(stft, [MineTurns(), IntensityVector()])
    waveform = torch.randn(1, 4, 640)
    turned = extractor.turn(extractor(waveform), MATRICES[9])
    torch.testing.assert_close(turned, extractor(swap_channels(waveform, MATRICES[9:10])))
    silent = FeatureExtractor(stft, [Mine(), IntensityVector()])
    with pytest.raises(ValueError, match=r"Mine\(\) cannot be turned: it has no method turn"):
        silent.turn(silent(waveform), MATRICES[0])


@pytest.mark.messages
def test_messages() -> None:
    angles = presets.at2seld()
    features = torch.zeros(1, 10, 3, 513)
    with pytest.raises(ValueError, match=r"PhaseDifference cannot be turned so: .* angles wrap"):
        angles.turn(features, MATRICES[1])
    assert torch.equal(angles.turn(features, MATRICES[8]), features)
    with pytest.raises(ValueError, match="matrix must be a signed permutation"):
        angles.turn(features, torch.full((3, 3), 0.5))
    with pytest.raises(ValueError, match="matrix must be a signed permutation"):
        angles.turn(features, torch.full((3, 3), torch.nan))
    with pytest.raises(ValueError, match="matrix must be a signed permutation"):
        angles.turn(features, torch.tensor([[1, 0, 0], [1, 0, 0], [0, 0, 1]]))
    with pytest.raises(ValueError, match=r"matrix must be \(batch=1, axis=3, axis=3\)"):
        angles.turn(features, MATRICES[:2])
    with pytest.raises(ValueError, match=r"matrix must be \(axis=3, axis=3\), got shape \(4, 4\)"):
        angles.turn(features, torch.eye(4))
    assert angles.turn(features[:0], MATRICES[1]).shape == (0, 10, 3, 513)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=10, time, freq=513\)"):
        angles.turn(torch.zeros(1, 7, 3, 64), MATRICES[0])
    with pytest.raises(TypeError, match=r"features must hold floats, got torch\.int64"):
        angles.turn(features.long(), MATRICES[0])
    with pytest.raises(ValueError, match="array must be 'foa' or None for parts that read FOA"):
        angles.turn(features, MATRICES[0], array=TETRAHEDRON)
    levels = FeatureExtractor(STFT(n_fft=64, hop_length=32), [LogMagnitude()])
    features = torch.zeros(1, 4, 3, 33)
    with pytest.raises(ValueError, match=r"array must be the ArrayGeometry .*, or 'foa'"):
        levels.turn(features, MATRICES[0])
    assert torch.equal(levels.turn(features, MATRICES[0], array="foa"), features)
    with pytest.raises(ValueError, match="array must be one of 'foa', None, got 'mic'"):
        levels.turn(features, MATRICES[0], array="mic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="array must have 4 channels, as the audio, got 8"):
        levels.turn(features, MATRICES[0], array=ArrayGeometry.circle(8, 0.1))
    flat = ArrayGeometry.circle(4, 0.1)
    with pytest.raises(ValueError, match="matrix must be orthogonal"):
        levels.turn(features, torch.diag(torch.tensor([1, 1, 5])), array=flat)
    with pytest.raises(ValueError, match="lost_lag must be one of 'error', 'nearest', got 'zero'"):
        levels.turn(features, MATRICES[0], array=flat, lost_lag="zero")  # type: ignore[arg-type]
    delays = FeatureExtractor(STFT(n_fft=64, hop_length=32), [TDOA(5)])
    with pytest.raises(ValueError, match=r"TDOA cannot be turned so: channel . or . is inverted$"):
        delays.turn(torch.zeros(1, 6, 3, 1), torch.diag(torch.tensor([1, -1, 1])), array="foa")
    two = FeatureExtractor(STFT(n_fft=64, hop_length=32), [LogMagnitude()], in_channels=2)
    with pytest.raises(ValueError, match="FOA must have 4 channels, or W alone, got 2"):
        two.turn(features[:, :2], MATRICES[0], array="foa")
