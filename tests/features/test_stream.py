"""A stream gives what the extractor makes of the whole clip, however the samples come in."""

import pickle
from itertools import accumulate, pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.features import (
    STFT,
    FeatureExtractor,
    FeatureStream,
    IntensityVector,
    LogMel,
    MelFilterBank,
    Part,
    presets,
)

quick = settings(max_examples=60)
CHUNKS = st.lists(st.sampled_from((0, 1, 2, 7, 30, 200)), max_size=8)
DTYPES = st.sampled_from((torch.float32, torch.float64))


class MovingMean(Part):
    """Mean magnitude over the frames around each, of as many as there are at the clip's ends."""

    lookback: int
    lookahead: int

    def __init__(self, lookback: int, lookahead: int) -> None:
        super().__init__()
        self.lookback, self.lookahead = lookback, lookahead

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the mean of each bin."""
        magnitude = spectrum.real.square() + spectrum.imag.square()
        before, after = self.lookback, self.lookahead
        spans = [slice(max(i - before, 0), i + after + 1) for i in range(magnitude.shape[2])]
        return torch.stack([magnitude[:, :, span].mean(dim=2) for span in spans], dim=2)


class RunningSum(Part):
    """Sum of the first channel's real part over all frames so far: state without an end."""

    def num_channels(self, in_channels: int) -> int:
        """Return one."""
        return 1

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the sum of each bin."""
        return spectrum[:, :1].real.cumsum(dim=2)

    def stream(self) -> "RunningSumStream":
        """Return a stream."""
        return RunningSumStream()


class RunningSumStream:
    """The same, two frames late."""

    def __init__(self) -> None:
        self.total: Any = 0
        self.late = torch.zeros(0)

    def push(self, spectrum: Tensor) -> Tensor:
        """Return the sums but the last two."""
        sums = self.total + spectrum[:, :1].real.cumsum(dim=2)
        self.total = sums[:, :, -1:]
        sums = torch.cat((self.late, sums), dim=2) if self.late.ndim == 4 else sums
        known = max(sums.shape[2] - 2, 0)
        self.late = sums[:, :, known:]
        return sums[:, :, :known]

    def flush(self) -> Tensor:
        """Return the last two."""
        return self.late


def streamed(extractor: FeatureExtractor, waveform: Tensor, sizes: list[int]) -> list[Tensor]:
    """Push chunks of these sizes and the rest, then flush."""
    ends = [0, *accumulate(sizes), sum(sizes) + waveform.shape[1]]
    stream = extractor.stream()
    pushed = [stream.push(waveform[:, start:end]) for start, end in pairwise(ends)]
    return [*pushed, stream.flush()]


def check(extractor: FeatureExtractor, waveform: Tensor, sizes: list[int]) -> None:
    """Compare the stream with the whole clip."""
    expected = extractor(waveform.unsqueeze(0))[0]
    pieces = streamed(extractor, waveform, sizes)
    assert {piece.dtype for piece in pieces} == {waveform.dtype}
    torch.testing.assert_close(torch.cat(pieces, dim=1), expected, rtol=1e-5, atol=1e-5)


@quick
@given(
    n_fft=st.sampled_from((1, 7, 8, 16, 31)),
    hop=st.integers(1, 31),
    samples=st.integers(1, 90),
    constant=st.booleans(),
    last_frame=st.booleans(),
    offset=st.sampled_from((0.0, 0.5)),
    sizes=CHUNKS,
    dtype=DTYPES,
)
def test_it_equals_the_whole_clip(
    n_fft: int,
    hop: int,
    samples: int,
    constant: bool,
    last_frame: bool,
    offset: float,
    sizes: list[int],
    dtype: torch.dtype,
) -> None:
    stft = STFT(
        n_fft=n_fft,
        hop_length=min(hop, n_fft),
        pad_mode="constant" if constant else "reflect",
        last_frame=last_frame,
        offset=offset,
    )
    parts: list[Part] = [IntensityVector(), MovingMean(0, 0)]
    extractor, waveform = FeatureExtractor(stft, parts), torch.randn(4, samples, dtype=dtype)
    try:
        extractor(waveform.unsqueeze(0))
    except ValueError as error:
        with pytest.raises(ValueError, match="waveform must have at least") as caught:
            streamed(extractor, waveform, sizes)
        assert str(caught.value) == str(error)  # noqa: PT017  # no error is right as well
    else:
        check(extractor, waveform, sizes)


@quick
@given(
    reach=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=3),
    own=st.booleans(),
    samples=st.integers(9, 120),
    sizes=CHUNKS,
)
def test_parts_may_look_back_and_ahead_and_keep_a_state(
    reach: list[tuple[int, int]], own: bool, samples: int, sizes: list[int]
) -> None:
    parts: list[Part] = [MovingMean(*frames) for frames in reach]
    if own:
        parts.append(RunningSum())
    stft = STFT(n_fft=16, hop_length=5)
    extractor = FeatureExtractor(stft, parts, in_channels=2)
    check(extractor, torch.randn(2, samples), sizes)


@pytest.mark.parametrize("name", presets.__all__)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_presets_stream_or_say_why_not(name: str, dtype: torch.dtype) -> None:
    extractor = getattr(presets, name)()
    waveform = 0.1 * torch.randn(extractor.in_channels, 12345, dtype=dtype)
    try:
        extractor.stream()
    except ValueError as error:
        assert "cannot stream" in str(error)  # noqa: PT017  # no error is right as well
    else:
        check(extractor, waveform, [1, 479, 0, 480, 5000, 480, 480])


@quick
@given(
    n_fft=st.sampled_from((9, 16)),
    hop=st.integers(1, 9),
    lookahead=st.integers(0, 3),
    constant=st.booleans(),
    last_frame=st.booleans(),
)
def test_frames_come_out_when_the_latency_says(
    n_fft: int, hop: int, lookahead: int, constant: bool, last_frame: bool
) -> None:
    stft = STFT(
        n_fft=n_fft,
        hop_length=hop,
        pad_mode="constant" if constant else "reflect",
        last_frame=last_frame,
    )
    extractor = FeatureExtractor(stft, [MovingMean(1, lookahead)], in_channels=1)
    stream, frames = extractor.stream(), 0
    for sample in range(60):
        frames += stream.push(torch.randn(1, 1)).shape[1]
        due = max((sample - stream.latency) // hop + 1, 0)
        late = (sample + 1 - stream.latency) // hop + 1  # the sample before may do
        assert due <= frames <= max(late, 0)


def test_latency() -> None:
    def latency(n_fft: int, hop: int, lookahead: int = 0, **settings: Any) -> int:
        stft = STFT(n_fft=n_fft, hop_length=hop, **settings)
        return FeatureExtractor(stft, [MovingMean(9, lookahead)]).stream().latency

    assert presets.ein_seld().stream().latency == 512
    assert latency(1024, 300, lookahead=3) == 512 + 900
    assert latency(64, 64, last_frame=False) == 63
    assert latency(64, 64) == latency(65, 32, last_frame=False) == 32


def test_memory_is_bounded() -> None:
    part = MovingMean(2, 1)
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=16), [part], in_channels=2)
    stream = extractor.stream()
    waveform = torch.randn(2, 100_000)
    held = []
    for chunk in waveform.split(10_000, dim=1):
        stream.push(chunk)
        held.append(len(pickle.dumps(stream)))  # of a view, all the memory that it keeps alive
    assert max(held) < 12_000  # bytes: 80 samples and 4 frames of 33 bins, and the settings
    assert max(held) - min(held) < 500


class Learnt(MovingMean):
    """With a weight."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the mean of each bin times the weight."""
        return self.weight * super().forward(spectrum)


def test_no_gradients_are_kept() -> None:
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=16), [Learnt()])
    assert extractor(torch.randn(1, 4, 400)).requires_grad
    stream = extractor.stream()
    assert not stream.push(torch.randn(4, 400, requires_grad=True)).requires_grad
    assert not stream.flush().requires_grad


def test_half_precision_is_streamed_in_single() -> None:
    extractor, waveform = presets.ein_seld(num_mels=16), torch.randn(4, 3000).to(torch.bfloat16)
    features = torch.cat(streamed(extractor, waveform, [1000]), dim=1)
    torch.testing.assert_close(features, extractor(waveform.float().unsqueeze(0))[0])


@pytest.mark.messages
def test_messages() -> None:
    extractor = presets.ein_seld(num_mels=16)
    stream = extractor.stream()
    with pytest.raises(
        ValueError, match=r"chunk must be \(channel=4, sample\), got shape \(2, 9\)"
    ):
        stream.push(torch.zeros(2, 9))
    with pytest.raises(TypeError, match=r"chunk must hold floats, got torch\.int16"):
        stream.push(torch.zeros(4, 9, dtype=torch.int16))
    stream.push(torch.zeros(4, 600))
    message = r"chunk must hold torch\.float32 as the first did, got torch\.float64"
    with pytest.raises(TypeError, match=message):
        stream.push(torch.zeros(4, 9, dtype=torch.float64))
    stream.flush()
    with pytest.raises(RuntimeError, match=r"the stream has ended with flush\(\)"):
        stream.push(torch.zeros(4, 9))
    with pytest.raises(RuntimeError, match=r"the stream has ended with flush\(\)"):
        stream.flush()
    with pytest.raises(ValueError, match=r"waveform must have at least 513 samples .*, got 0"):
        extractor.stream().flush()


@pytest.mark.messages
def test_parts_that_need_the_whole_clip_are_named() -> None:
    mel = MelFilterBank(8, n_fft=64, sample_rate=24000)
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32), [LogMel(mel, top_db=80.0)])
    message = r"LogMel\(.*top_db=80\.0.*\) needs the whole clip, so it cannot stream"
    with pytest.raises(ValueError, match=message):
        extractor.stream()


@pytest.mark.messages
def test_a_part_that_loses_frames_is_named() -> None:
    class Halved(MovingMean):
        def forward(self, spectrum: Tensor) -> Tensor:
            return spectrum[:, :, ::2].abs()

    stream = FeatureStream(STFT(n_fft=8, hop_length=4), [Halved(0, 0)], in_channels=1)
    with pytest.raises(RuntimeError, match=r"Halved\(0, 0\) must return a frame .* of 7, got 4"):
        stream.push(torch.randn(1, 29))
