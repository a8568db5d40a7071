"""The transform equals the definition, frame by frame."""

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.features import STFT, RealSpectrum

quick = settings(max_examples=25)


@quick
@given(
    n_fft=st.sampled_from((8, 9, 16, 30)),
    window=st.integers(4, 8),
    hop=st.integers(1, 4),
    samples=st.integers(16, 60),
)
def test_a_frame_is_the_transform_of_windowed_samples_around_its_centre(
    n_fft: int, window: int, hop: int, samples: int
) -> None:
    waveform = torch.randn(1, 2, samples, dtype=torch.float64)
    stft = STFT(n_fft=n_fft, hop_length=hop, win_length=window, pad_mode="constant")
    spectrum = stft(waveform)
    assert spectrum.shape == (1, 2, stft.num_frames(samples), stft.num_bins)
    frame = spectrum.shape[2] // 2
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(window).double() / window)
    start = frame * hop - n_fft // 2 + (n_fft - window) // 2  # of the window in the clip
    expected = torch.zeros(2, n_fft // 2 + 1, dtype=torch.complex128)
    for i in range(window):
        if 0 <= start + i < samples:
            place = (n_fft - window) // 2 + i
            turn = torch.exp(-2j * math.pi * torch.arange(n_fft // 2 + 1).double() * place / n_fft)
            expected += (hann[i] * waveform[0, :, start + i]).unsqueeze(1) * turn
    torch.testing.assert_close(spectrum[0, :, frame], expected)


@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_equals_the_centred_transform_of_torch(mode: str, dtype: torch.dtype) -> None:
    waveform = torch.randn(2, 3, 500, dtype=dtype)
    expected = torch.stft(
        waveform.flatten(0, 1),
        64,
        hop_length=20,
        window=torch.hann_window(64, dtype=dtype),
        pad_mode=mode,
        return_complex=True,
    )
    spectrum = STFT(n_fft=64, hop_length=20, pad_mode=mode)(waveform)  # type: ignore[arg-type]
    torch.testing.assert_close(spectrum, expected.mT.unflatten(0, (2, 3)))


def test_offset_and_last_frame() -> None:
    waveform = torch.randn(1, 1, 64, dtype=torch.float64)
    whole = STFT(n_fft=16, hop_length=8, offset=0.5)(waveform)
    cut = STFT(n_fft=16, hop_length=8, last_frame=False)(waveform + 0.5)
    assert whole.shape[2] == 9
    assert torch.equal(whole[:, :, :-1], cut)


@pytest.mark.parametrize("n_fft", [7, 8])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_size_equals_the_centred_transform_of_torch(
    n_fft: int, mode: Any, dtype: torch.dtype
) -> None:
    window = torch.hann_window(n_fft, dtype=dtype)
    for samples in range(8, 16):
        waveform = torch.randn(1, 2, samples, dtype=dtype)
        expected = torch.stft(
            waveform[0], n_fft, 3, window=window, pad_mode=mode, return_complex=True
        ).mT
        stft = STFT(n_fft=n_fft, hop_length=3, pad_mode=mode)
        assert stft.num_frames(samples) == expected.shape[1]
        torch.testing.assert_close(stft(waveform)[0], expected)
        cut = STFT(n_fft=n_fft, hop_length=3, pad_mode=mode, last_frame=False)
        assert cut.num_frames(samples) == samples // 3
        torch.testing.assert_close(cut(waveform)[0], expected[:, : samples // 3])


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_blocks_equal_the_whole(frames: int, mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = torch.randn(2, 3, 100)
    for n_fft, last_frame in itertools.product((15, 16), (False, True)):
        stft = STFT(n_fft=n_fft, hop_length=4, pad_mode=mode, last_frame=last_frame, offset=0.1)
        expected = stft(waveform.requires_grad_())  # all at once
        with monkeypatch.context() as patch:
            patch.setattr("seldkit.features.framing._BLOCK", frames * 2 * 3 * n_fft)
            found = stft(waveform.detach())
        torch.testing.assert_close(found, expected.detach())


@pytest.mark.transforms
@pytest.mark.parametrize("n_fft", [15, 16])
@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_a_real_valued_transform_has_both_parts_of_the_complex_one(n_fft: int, mode: Any) -> None:
    waveform = torch.randn(2, 3, 61, dtype=torch.float64)
    for last_frame in (False, True):
        stft = STFT(
            n_fft=n_fft,
            hop_length=4,
            win_length=10,
            pad_mode=mode,
            offset=0.1,
            last_frame=last_frame,
        )
        real = stft.for_export()
        assert repr(real) == repr(stft).replace("real_valued=False", "real_valued=True")
        spectrum, expected = real(waveform), stft(waveform)
        assert isinstance(spectrum, RealSpectrum)
        assert (spectrum.shape, spectrum.ndim) == (expected.shape, 4)
        torch.testing.assert_close(spectrum.real, expected.real)
        torch.testing.assert_close(spectrum.imag, expected.imag)


def test_rates_and_state() -> None:
    stft = STFT(n_fft=1024, hop_length=600, sample_rate=24000)
    assert (stft.num_bins, stft.frame_rate) == (513, 40.0)
    assert not stft.state_dict()
    assert "hop_length=600" in repr(stft)


def test_half_precision_is_transformed_in_single() -> None:
    waveform = torch.randn(1, 1, 64).to(torch.bfloat16)
    stft = STFT(n_fft=16, hop_length=8)
    assert torch.equal(stft(waveform), stft(waveform.float()))
    half = torch.randn(1, 1, 64).half()
    assert torch.equal(stft(half), stft(half.float()))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_fft": 0, "hop_length": 1}, "n_fft must be at least 1, got 0"),
        ({"n_fft": 8, "hop_length": -1}, "hop_length must be at least 1, got -1"),
        ({"n_fft": 8, "hop_length": 2, "sample_rate": 0}, "sample_rate must be at least 1, got 0"),
        ({"n_fft": 8, "hop_length": 2, "win_length": 9}, "must hold, got 2, 9 and 8"),
        ({"n_fft": 8, "hop_length": 5, "win_length": 4}, "must hold, got 5, 4 and 8"),
        ({"n_fft": 8, "hop_length": 2, "pad_mode": "wrap"}, "pad_mode must be one of 'reflect'"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        STFT(**arguments)  # type: ignore[arg-type]


@pytest.mark.messages
def test_messages_of_wrong_waveforms() -> None:
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel, sample\), got shape"):
        STFT(n_fft=8, hop_length=2)(torch.zeros(4, 100))
    with pytest.raises(ValueError, match=r"must have a clip and a channel, got shape \(0, 4, 64\)"):
        STFT(n_fft=8, hop_length=2)(torch.zeros(0, 4, 64))
    with pytest.raises(ValueError, match=r"waveform must have at least 5 samples .*, got 4"):
        STFT(n_fft=8, hop_length=2)(torch.zeros(1, 1, 4))
    with pytest.raises(ValueError, match=r"waveform must have at least 1 samples .*, got 0"):
        STFT(n_fft=8, hop_length=2, pad_mode="constant")(torch.zeros(1, 1, 0))
    cut = STFT(n_fft=8, hop_length=2, pad_mode="constant", last_frame=False)
    with pytest.raises(ValueError, match=r"waveform must have at least 2 samples .*, got 1"):
        cut(torch.zeros(1, 1, 1))
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        STFT(n_fft=8, hop_length=2)(torch.zeros(1, 1, 100, dtype=torch.int16))
