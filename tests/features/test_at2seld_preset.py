"""The extractor of AT2SELD: levels, phases, and intensity that is the direction."""

import math
from typing import Any

import pytest
import torch

from seldkit._builders import built_by
from seldkit.ambisonics import plane_wave
from seldkit.features import presets
from seldkit.geometry import unit_vector


def test_sizes() -> None:
    extractor = presets.at2seld()
    assert (extractor.num_channels, extractor.num_bins, extractor.sample_rate) == (10, 513, 32000)
    assert extractor.frame_rate == 100
    assert extractor(torch.zeros(1, 4, 16000)).shape == (1, 10, 51, 513)
    assert built_by(extractor) == ("at2seld", {})
    assert not extractor.state_dict()


@pytest.mark.parametrize(
    ("arguments", "channels", "bins"),
    [
        ({"phase": "cosine_sine"}, 13, 513),
        ({"phase": None}, 7, 513),
        ({"norm": "unit"}, 10, 513),
        ({"bins": "mel", "phase": "cosine_sine", "norm": None}, 13, 64),
        ({"bins": "mel", "phase": None}, 7, 64),
        ({"bins": "mel", "phase": None, "tagger": "yamnet"}, 7, 64),
    ],
)
def test_variants(arguments: dict[str, Any], channels: int, bins: int) -> None:
    extractor = presets.at2seld(**arguments)
    features = extractor(torch.randn(2, 4, 3200))
    assert features.shape == (2, channels, 11, bins)
    assert features.isfinite().all()


def test_a_plane_wave() -> None:
    direction = unit_vector(torch.tensor(35.0), torch.tensor(20.0)).double()
    noise = torch.randn(8000, dtype=torch.float64)
    features = presets.at2seld()(plane_wave(noise, direction).unsqueeze(0))[0, :, 5:20]
    x, y, z = direction.tolist()
    wanted = torch.tensor([y, z, x], dtype=torch.float64)
    strong = features[0] > -20
    intensity = features[7:, strong].T
    torch.testing.assert_close(intensity, wanted.expand_as(intensity), rtol=0, atol=1e-5)
    # All channels of one wave are in phase, and their levels differ by the gains.
    torch.testing.assert_close(features[4:7, strong], torch.zeros_like(features[4:7, strong]))
    gains = (features[1:4] - features[:1])[:, strong].T
    wanted = 20 * wanted.log10()
    torch.testing.assert_close(gains, wanted.expand_as(gains), rtol=0, atol=1e-6)


def test_a_wave_from_behind_is_in_opposite_phase() -> None:
    behind = unit_vector(torch.tensor(180.0), torch.tensor(0.0)).double()
    noise = torch.randn(8000, dtype=torch.float64)
    features = presets.at2seld()(plane_wave(noise, behind).unsqueeze(0))[0, :, 5:20]
    phase = features[6][features[0] > -20].abs()
    torch.testing.assert_close(phase, torch.full_like(phase, math.pi))


def test_streams() -> None:
    extractor, waveform = presets.at2seld(), torch.randn(4, 5000)
    stream = extractor.stream()
    chunks = [stream.push(chunk) for chunk in waveform.split(1999, dim=1)]
    streamed = torch.cat([*chunks, stream.flush()], dim=1)
    levels, wanted = streamed[:4], extractor(waveform.unsqueeze(0))[0, :4]
    torch.testing.assert_close(levels, wanted, rtol=0, atol=1e-2)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="bins must be one of 'linear', 'mel', got 'bark'"):
        presets.at2seld(bins="bark")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tagger must be one of 'panns', 'yamnet', got 'vggish'"):
        presets.at2seld(tagger="vggish")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="phase must be one of 'angle', 'cosine_sine', None, got"):
        presets.at2seld(phase="path")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="phase must be 'cosine_sine' or None for bins='mel', got"):
        presets.at2seld(bins="mel")
    with pytest.raises(ValueError, match="norm must be one of"):
        presets.at2seld(norm="max")  # type: ignore[arg-type]
