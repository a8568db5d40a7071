"""Features of whole clips block by block: any cut into blocks gives the same."""

from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit.features import (
    STFT,
    FeatureExtractor,
    IntensityVector,
    LogMel,
    MelFilterBank,
    Part,
    RealSpectrum,
    presets,
)
from seldkit.features.real_spectrum import in_halves, power_of


class Kind(Part):
    """A part that remembers what it was given."""

    lookback = lookahead = 0
    reads_halves = True

    def __init__(self) -> None:
        super().__init__()
        self.kinds: set[type] = set()

    def forward(self, spectrum: Any) -> Tensor:
        """Return the real part."""
        self.kinds.add(type(spectrum))
        real: Tensor = spectrum.real
        return real


class Derived(Kind):
    """One that does not say for itself that it reads halves."""


class Around(Kind):
    """One that reads frames around each frame, which are kept as a tensor."""

    lookback = 1
    reads_halves = True


def kinds_given_to(*parts: Kind) -> set[type]:
    """Return what the parts of an extractor read."""
    FeatureExtractor(STFT(n_fft=64, hop_length=32), parts)(torch.randn(1, 4, 640))
    return set().union(*(part.kinds for part in parts))


def test_halves_are_for_several_parts_that_all_read_them() -> None:
    assert kinds_given_to(Kind(), Kind()) == {RealSpectrum}
    for parts in ((Kind(),), (Kind(), Derived()), (Kind(), Around())):
        assert kinds_given_to(*parts) == {Tensor}


def test_halves_are_those_of_the_complex_spectrum() -> None:
    spectrum = torch.randn(2, 3, 4, 5, dtype=torch.complex128)
    halves = in_halves(spectrum)
    assert halves.real.is_contiguous()
    assert halves.imag.is_contiguous()
    assert torch.equal(torch.complex(halves.real, halves.imag), spectrum)
    torch.testing.assert_close(power_of(halves), spectrum.abs().square())
    assert power_of(halves) is power_of(halves)


@pytest.mark.parametrize("block", [1, 2**14, 2**16, 2**30])
@pytest.mark.parametrize("samples", [600, 5000])
def test_clips_do_not_know_each_other(
    block: int, samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seldkit.features.framing._BLOCK", block)
    waveform = torch.randn(5, 4, samples)
    for extractor in (presets.ein_seld(), presets.dcase2023_foa(), presets.dcase2023_mic()):
        alone = torch.cat([extractor(clip) for clip in waveform.split(1)])
        # Of noise the quietest bands have their levels from few digits.
        torch.testing.assert_close(extractor(waveform), alone, rtol=1e-5, atol=1e-4)


def test_gradients_are_those_of_what_is_computed_in_blocks() -> None:
    mel = MelFilterBank(8)
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    extractor = FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel, norm="energy")])
    waveform = torch.randn(2, 4, 640, dtype=torch.float64)
    step = 1e-6 * torch.randn_like(waveform)
    change = (extractor(waveform + step) - extractor(waveform - step)).sum() / 2
    (gradient,) = torch.autograd.grad(extractor(waveform.requires_grad_()).sum(), waveform)
    torch.testing.assert_close((gradient * step).sum(), change, rtol=1e-4, atol=0)
