"""The front-end of YAMNet, and what it alone asks of the transform and the filter bank."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.features import STFT, FeatureExtractor, LogMagnitude, MelFilterBank, presets

quick = settings(max_examples=25)
SILENCE = math.log(0.001)


@pytest.mark.parametrize("name", ["a", "b"])
def test_it_equals_the_published_one(name: str, golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden(f"at2seld/yamnet_tf_{name}.npz"))
    waveform = torch.from_numpy(arrays["waveform"])[None, None]
    expected = torch.from_numpy(arrays["logmel"])[None, None]
    # TensorFlow's rounding: our own, below, is smaller.
    torch.testing.assert_close(presets.yamnet()(waveform), expected, rtol=0, atol=5e-5)
    exact = presets.yamnet()(waveform.double())
    torch.testing.assert_close(presets.yamnet()(waveform).double(), exact, rtol=0, atol=2e-5)


@quick
@given(st.integers(1, 60000))
def test_clips_end_with_silence_until_patches_are_whole(num_samples: int) -> None:
    # As published: at least 0.975 s, then whole hops of 0.48 s, in samples.
    hops = max(math.ceil((num_samples - 15600) / 7680), 0)
    frames = 1 + (15600 + 7680 * hops - 400) // 160
    stft = presets.yamnet().stft
    assert stft.num_frames(num_samples) == frames == 96 + 48 * hops
    assert presets.yamnet(whole_patches=False).stft.num_frames(num_samples) == num_samples // 160


def test_frames_behind_the_clip_are_silent() -> None:
    waveform = torch.randn(1, 1, 8000)
    features = presets.yamnet()(waveform)
    assert features.shape == (1, 1, 96, 64)
    torch.testing.assert_close(features[:, :, 50:], torch.full((1, 1, 46, 64), SILENCE))
    frames = presets.yamnet(whole_patches=False)(waveform)
    torch.testing.assert_close(frames, features[:, :, :50])


def test_a_stream_equals_the_whole() -> None:
    waveform = 0.1 * torch.randn(1, 20001)
    for whole_patches in (False, True):
        extractor = presets.yamnet(whole_patches=whole_patches)
        stream = extractor.stream()
        assert stream.latency == 455
        parts = [stream.push(chunk) for chunk in waveform.split([1, 455, 1, 544, 10000, 9000], 1)]
        assert [part.shape[1] for part in parts[:4]] == [0, 1, 0, 3]
        features = torch.cat([*parts, stream.flush()], dim=1)
        torch.testing.assert_close(features, extractor(waveform.unsqueeze(0))[0])


@quick
@given(
    win=st.integers(4, 9),
    extra=st.integers(0, 7),
    hop=st.integers(1, 4),
    samples=st.integers(4, 60),
    patch=st.sampled_from([None, (1, 1), (5, 3), (30, 40)]),
    last_frame=st.booleans(),
)
def test_frames_that_begin_at_their_sample(
    win: int, extra: int, hop: int, samples: int, patch: Any, last_frame: bool
) -> None:
    stft = STFT(
        n_fft=win + extra,
        hop_length=hop,
        win_length=win,
        pad_mode="constant",
        last_frame=last_frame or patch is not None,
        centered=False,
        patch=patch,
    )
    waveform = torch.randn(1, 1, samples, dtype=torch.float64)
    whole = stft(waveform.requires_grad_()).detach()
    torch.testing.assert_close(stft(waveform.detach()), whole)  # in blocks
    extractor = FeatureExtractor(stft, [LogMagnitude()], in_channels=1)
    stream = extractor.stream()
    parts = [stream.push(part) for part in waveform[0].detach().split(7, dim=1)]
    streamed = torch.cat([*parts, stream.flush()], dim=1)
    torch.testing.assert_close(streamed, extractor(waveform)[0].detach())
    count = stft.num_frames(samples)
    assert whole.shape[2] == count
    if patch is None:
        assert count == (-(-samples // hop) if last_frame else samples // hop)
    else:
        reached = (count - 1) * hop + win
        assert (count - patch[0]) % patch[1] == 0
        assert reached >= samples
        assert count == patch[0] or reached - patch[1] * hop < samples
    silence = torch.zeros(count * hop + win, dtype=torch.float64)
    frames = torch.cat((waveform[0, 0].detach(), silence)).unfold(0, win, hop)[:count]
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(win).double() / win)
    expected = torch.fft.rfft(frames * hann, n=win + extra).abs()
    torch.testing.assert_close(whole[0, 0].abs(), expected)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_filters_that_are_triangles_over_mel(scale: Any) -> None:
    arguments: dict[str, Any] = {"n_fft": 512, "sample_rate": 16000, "fmin": 125.0, "fmax": 7500.0}
    bank = MelFilterBank(64, **arguments, mel_scale=scale, norm=None, slope="mel")
    plain = MelFilterBank(64, **arguments, mel_scale=scale, norm=None)
    assert torch.equal(bank.weight > 0, plain.weight > 0)  # bands begin and end alike
    inside = plain.weight.sum(dim=1) > 1 - 1e-9
    torch.testing.assert_close(
        bank.weight.sum(dim=1)[inside], torch.ones(int(inside.sum())).double()
    )
    if scale == "htk":
        hz = torch.arange(257).double() * 31.25
        mel = 1127 * (1 + hz / 700).log()
        first, last = (1127 * math.log(1 + f / 700) for f in (125, 7500))
        width = (last - first) / 65
        centres = first + width * torch.arange(1, 65).double()
        expected = (1 - (mel.unsqueeze(1) - centres).abs() / width).clamp(min=0)
        torch.testing.assert_close(bank.weight, expected)
    assert "slope='mel'" in repr(bank)


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    extractor, waveform = presets.yamnet(), 0.1 * torch.randn(2, 1, 20000)
    expected = extractor(waveform)
    torch.compiler.reset()
    compiled = torch.compile(extractor, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(waveform), expected, rtol=1e-4, atol=1e-4)
    sizes = {"waveform": {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}}
    exported = torch.export.export(extractor.for_export(), (waveform,), dynamic_shapes=sizes)
    for samples in (20000, 33333):
        waveform = 0.1 * torch.randn(3, 1, samples)
        found = exported.module()(waveform)
        torch.testing.assert_close(found, extractor(waveform), rtol=1e-4, atol=1e-3)


@pytest.mark.messages
def test_messages() -> None:
    sizes: dict[str, Any] = {"n_fft": 8, "hop_length": 2}
    with pytest.raises(ValueError, match="centered=False needs pad_mode='constant', got 'reflect'"):
        STFT(**sizes, centered=False)
    sizes |= {"pad_mode": "constant"}
    for centered, last_frame in itertools.product((True, False), (True, False)):
        if centered or not last_frame:
            with pytest.raises(ValueError, match=r"patch=\(4, 2\) needs centered=False and last"):
                STFT(**sizes, patch=(4, 2), centered=centered, last_frame=last_frame)
    with pytest.raises(ValueError, match=r"patch\[1\] must be at least 1, got 0"):
        STFT(**sizes, patch=(4, 0), centered=False)
    with pytest.raises(ValueError, match="slope must be one of 'hz', 'mel', got 'htk'"):
        MelFilterBank(8, n_fft=64, sample_rate=16000, slope="htk")  # type: ignore[arg-type]
