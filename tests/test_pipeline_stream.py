"""A stream tells what the whole clip has, in time, and remembers no more than it needs."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit import SELDOutput
from seldkit.events import Events
from seldkit.features import FeatureExtractor, Standardize, presets
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA
from seldkit.models import causal_crnn, seldnet
from seldkit.pipeline import EventStream, Pipeline
from seldkit.pipeline.output_stream import WindowOutputs
from seldkit.postprocess import (
    Chain,
    DropShort,
    FillGaps,
    Hysteresis,
    LinkTracks,
    MedianFilter,
    SmoothTracks,
)
from steps import steps_in_windows

RATE, CLASSES, FRAME = 8000, 3, 800
FORMATS: dict[str, Any] = {"accdoa": ACCDOA, "class_wise": ClassWise, "multi_accdoa": MultiACCDOA}
SMALL: dict[str, Any] = {
    "num_bins": 8,
    "widths": (4, 6),
    "pool_time": (1, 4),
    "pool_freq": (2, 2),
    "rnn_channels": 8,
    "hidden": (),
}
quick = settings(max_examples=15)


def extractor() -> FeatureExtractor:
    return presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)


def network(seed: int = 0, **arguments: Any) -> nn.Module:
    """Return a causal network that changes its mind often."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = causal_crnn(CLASSES, **SMALL | arguments)
        nn.init.normal_(model.head.linear.weight, std=2.0)  # type: ignore[union-attr, arg-type]
    return model


def causal(seed: int = 0, **arguments: Any) -> Pipeline:
    """Return a pipeline without windows."""
    return of_format("accdoa", seed, **{"window_s": None} | arguments)


def of_format(name: str, seed: int = 0, **arguments: Any) -> Pipeline:
    """Return a pipeline of a causal network in some format."""
    model = causal_crnn(CLASSES, format="class_wise", **SMALL) if name == "class_wise" else None
    standardize = Standardize(7, 8)
    standardize.fit([extractor()(noise(20000).unsqueeze(0))])
    return Pipeline(
        extractor(),
        model or network(seed, format=name),
        FORMATS[name](CLASSES),
        standardize=standardize,
        **arguments,
    ).eval()


def noise(samples: int, seed: int = 0) -> Tensor:
    """Return noise whose level and direction change every few frames."""
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.randn(4, samples // 1200 + 1, generator=generator).repeat_interleave(1200, dim=1)
    return 0.1 * blocks[:, :samples] * torch.randn(4, samples, generator=generator)


def pushed(stream: EventStream, chunks: Any) -> Iterator[Events]:
    """Yield the events of each chunk, and of the end."""
    told = 0
    for chunk in chunks:
        events = stream.push(chunk)
        assert events.num_frames is not None
        assert events.num_frames >= told
        assert (events.frame >= told).all()
        told = events.num_frames
        yield events
    yield stream.flush()


def streamed(pipeline: Pipeline, waveform: Tensor, sizes: Any) -> Events:
    """Return the events of a signal that comes in chunks."""
    return Events.concatenate(
        list(pushed(pipeline.stream(check=None), waveform.split(sizes, dim=1)))
    )


def assert_same(found: Events, wanted: Events) -> None:
    """Require the same rows in the same order, but for rounding of directions."""
    assert found.num_frames == wanted.num_frames
    assert found.frame_s == wanted.frame_s
    for name in ("frame", "label", "source"):
        assert torch.equal(getattr(found, name), getattr(wanted, name)), name
    torch.testing.assert_close(found.direction, wanted.direction, rtol=0, atol=1e-4)


@st.composite
def chunk_sizes(draw: st.DrawFn, total: int) -> list[int]:
    """Draw a partition of a signal."""
    cuts = draw(st.lists(st.integers(0, total), max_size=8))
    places = [0, *sorted(cuts), total]
    return [end - start for start, end in pairwise(places)]


STEPS: dict[str, Any] = {
    "none": None,
    "chain": Chain([MedianFilter(3), FillGaps(2), DropShort(2), SmoothTracks(3)]),
    **steps_in_windows(),
}


@quick
@given(st.integers(1, 40000), st.sampled_from(sorted(STEPS)), st.data())
def test_a_causal_stream_is_the_whole_clip(samples: int, steps: str, data: st.DataObject) -> None:
    pipeline, waveform = causal(postprocess=STEPS[steps]), noise(samples, samples)
    wanted = pipeline.predict(waveform, RATE, check=None)
    assert wanted.num_frames == -(-samples // FRAME)
    assert_same(streamed(pipeline, waveform, data.draw(chunk_sizes(samples))), wanted)


@quick
@given(
    st.integers(1, 60000),
    st.sampled_from([(0.1, 0.1), (0.5, 0.2), (0.8, 0.8), (1.0, 0.1), (1.3, 0.4), (2.0, None)]),
    st.sampled_from(sorted(STEPS)),
    st.data(),
)
def test_a_stream_of_windows_is_the_whole_clip(
    samples: int, windows: tuple[float, float | None], steps: str, data: st.DataObject
) -> None:
    window_s, hop_s = windows
    pipeline = causal(window_s=window_s, hop_s=hop_s, postprocess=STEPS[steps])
    waveform = noise(samples, samples)
    sizes = data.draw(chunk_sizes(samples))
    assert_same(streamed(pipeline, waveform, sizes), pipeline.predict(waveform, RATE, check=None))


@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize("window_s", [None, 1.0])
def test_every_format_streams(format: str, window_s: float | None) -> None:
    pipeline, waveform = of_format(format, window_s=window_s), noise(40000)
    wanted = pipeline.predict(waveform, RATE, check=None)
    assert len(wanted)
    assert_same(streamed(pipeline, waveform, 1000), wanted)


def test_a_clip_without_windows_is_one_pass_of_the_network() -> None:
    pipeline, waveform = causal(), noise(2 * 2**18 + 500)  # of several blocks
    padded = nn.functional.pad(waveform, (0, -waveform.shape[1] % FRAME))
    with torch.no_grad():
        whole = pipeline(padded.unsqueeze(0))[0]
    torch.testing.assert_close(
        pipeline.scan(waveform, RATE, check=None), whole, rtol=1e-4, atol=1e-4
    )


def test_what_looks_ahead_takes_a_clip_without_windows_at_once() -> None:
    model = seldnet(
        CLASSES,
        num_bins=8,
        widths=(4,),
        pool_time=(4,),
        pool_freq=(2,),
        rnn_channels=8,
        hidden=(),
        format="accdoa",
    ).eval()
    pipeline = Pipeline(extractor(), model, ACCDOA(CLASSES), window_s=None)
    waveform = noise(30000)
    padded = nn.functional.pad(waveform, (0, -waveform.shape[1] % FRAME))
    with torch.no_grad():
        whole = pipeline(padded.unsqueeze(0))[0]
    torch.testing.assert_close(pipeline.scan(waveform, RATE, check=None), whole[:38])
    with pytest.raises(ValueError, match="cannot stream"):
        pipeline.stream(check=None)


@pytest.mark.parametrize("lookahead", [0, 2])
def test_latency_is_true_to_the_sample(lookahead: int) -> None:
    pipeline = causal(postprocess=MedianFilter(5) if lookahead else None)
    stream = pipeline.stream(check=None)
    latency = round(stream.latency_s * RATE)
    assert latency == 3 * 200 + 512 + lookahead * FRAME
    waveform = noise(30 * FRAME)
    done = latency - 1
    stream.push(waveform[:, :done])
    for frame in range(20):
        assert stream.push(waveform[:, done : frame * FRAME + latency - 1]).num_frames == frame
        done = frame * FRAME + latency
        assert stream.push(waveform[:, done - 1 : done]).num_frames == frame + 1


@given(st.integers(1, 9), st.integers(1, 9), st.integers(2, 4), st.integers(1, 100))
def test_windows_come_in_time_and_join_as_those_of_a_clip(
    window: int, hop: int, samples: int, length: int
) -> None:
    hop = min(hop, window)
    runs: list[int] = []

    def run(windows: Tensor) -> Tensor:
        """Return the first sample of each frame, and where it lies in which window."""
        assert windows.shape[2] % samples == 0
        frames = windows[:, 0, ::samples]
        runs.append(frames.shape[1])
        return torch.stack((frames, windows[:, :1, 0].expand_as(frames)), dim=-1)

    signal = torch.arange(1.0, length + 1).unsqueeze(0)
    stream = WindowOutputs(run, window, hop, samples)
    told: list[tuple[int, int]] = []  # frame, and samples that had come
    outputs = []
    for count in range(1, length + 1):
        output = stream.push(signal[:, count - 1 : count])
        if output is not None:
            told += [(len(told) + n, count) for n in range(len(output))]
            outputs.append(output)
    outputs.append(stream.flush())
    found = torch.cat(outputs)
    frames = -(-length // samples)
    assert found[:, 0].tolist() == [1.0 + samples * n for n in range(frames)]
    whole = min(window, frames)
    starts = list(range(0, frames - whole + 1, min(hop, whole)))
    starts += [] if starts[-1] == frames - whole else [frames - whole]
    ends = [(a + b + whole) // 2 for a, b in pairwise(starts)] + [frames]
    owner = [next(s for s, end in zip(starts, ends, strict=True) if n < end) for n in range(frames)]
    assert found[:, 1].tolist() == [1.0 + samples * start for start in owner]
    assert len(runs) == len(starts)
    delays = [count - frame * samples for frame, count in told if frame >= (window - hop) // 2]
    assert all(delay <= stream.latency for delay in delays)
    if length >= (2 * window + 2 * hop) * samples:
        assert max(delays) == stream.latency


@pytest.mark.parametrize("window_s", [None, 1.0])
def test_streams_of_one_network_do_not_mix(window_s: float | None) -> None:
    pipeline = causal(window_s=window_s, postprocess=MedianFilter(3))
    signals = [noise(20000, seed) for seed in (1, 2)]
    streams = [pipeline.stream(check=None) for _ in signals]
    parts: list[list[Events]] = [[], []]
    for place in range(0, 20000, 700):
        for number, stream in enumerate(streams):
            parts[number].append(stream.push(signals[number][:, place : place + 700]))
    for number, stream in enumerate(streams):
        found = Events.concatenate([*parts[number], stream.flush()])
        assert_same(found, pipeline.predict(signals[number], RATE, check=None))


@pytest.mark.parametrize("window_s", [None, 1.0])
def test_reset_begins_anew(window_s: float | None) -> None:
    pipeline = causal(window_s=window_s, postprocess=MedianFilter(3))
    stream, waveform = pipeline.stream(check=None), noise(20000)
    for chunk in noise(9999, 3).split(1234, dim=1):
        stream.push(chunk)
    stream.reset()
    first = Events.concatenate(list(pushed(stream, waveform.split(999, dim=1))))
    assert_same(first, pipeline.predict(waveform, RATE, check=None))
    with pytest.raises(RuntimeError, match=r"the stream has ended with flush\(\); reset\(\)"):
        stream.push(waveform)
    with pytest.raises(RuntimeError, match="the stream has ended"):
        stream.flush()
    stream.reset()
    assert_same(Events.concatenate(list(pushed(stream, [waveform]))), first)


def memory(thing: Any, seen: set[int]) -> int:
    """Return the bytes of all tensors that a stream holds, but for those of the network."""
    if id(thing) in seen or isinstance(thing, nn.Module):
        return 0
    seen.add(id(thing))
    if isinstance(thing, Tensor):
        return thing.untyped_storage().nbytes()
    if isinstance(thing, dict):
        return sum(memory(value, seen) for value in thing.values())
    if isinstance(thing, list | tuple):
        return sum(memory(value, seen) for value in thing)
    return memory(vars(thing), seen) if hasattr(thing, "__dict__") else 0


@pytest.mark.parametrize("window_s", [None, 1.0])
def test_memory_is_flat(window_s: float | None) -> None:
    pipeline = causal(window_s=window_s, postprocess=MedianFilter(3))
    stream, sizes = pipeline.stream(check=None), []
    for second in range(40):
        for chunk in noise(RATE, second).split(800, dim=1):
            stream.push(chunk)
        sizes.append(memory(vars(stream), set()))
    assert len(set(sizes[3:])) == 1
    assert sizes[-1] < (1.5e5 if window_s is None else 3e5)


@pytest.mark.parametrize("window_s", [None, 1.0])
def test_the_memory_of_a_chunk_may_be_used_again(window_s: float | None) -> None:
    pipeline, waveform = causal(window_s=window_s), noise(20000)
    stream, buffer, parts = pipeline.stream(check=None), np.empty((4, 2000), np.float32), []
    for chunk in waveform.split(2000, dim=1):
        buffer[:] = chunk.numpy()
        parts.append(stream.push(buffer))
    found = Events.concatenate([*parts, stream.flush()])
    assert_same(found, pipeline.predict(waveform, RATE, check=None))


@pytest.mark.parametrize("window_s", [None, 4.0])
def test_a_chunk_may_be_long(window_s: float | None) -> None:
    pipeline, waveform = causal(window_s=window_s), noise(2**18 + 5000)
    assert_same(streamed(pipeline, waveform, 2**20), pipeline.predict(waveform, RATE, check=None))


def test_nothing_is_told_of_nothing() -> None:
    for window_s in (None, 1.0):
        stream = causal(window_s=window_s, postprocess=MedianFilter(3)).stream(check=None)
        assert stream.push(torch.zeros(4, 0)) == stream.flush()
        stream.reset()
        assert stream.flush().num_frames == 0


def test_arrays_and_precisions() -> None:
    pipeline, waveform = causal(), noise(20000)
    wanted = pipeline.predict(waveform, RATE, check=None)
    arrays = [chunk.numpy() for chunk in waveform.split(1500, dim=1)]
    assert_same(Events.concatenate(list(pushed(pipeline.stream(check=None), arrays))), wanted)
    mixed = [a.astype(np.float64) if n % 2 else a for n, a in enumerate(arrays)]
    assert_same(Events.concatenate(list(pushed(pipeline.stream(check=None), mixed))), wanted)
    half = causal().bfloat16()
    found = Events.concatenate(list(pushed(half.stream(check=None), arrays)))
    assert found.num_frames == wanted.num_frames
    double = causal().double()
    assert_same(streamed(double, waveform, 1500), double.predict(waveform, RATE, check=None))


def test_a_stream_leaves_the_mode_of_the_network() -> None:
    pipeline = causal().train()
    found = streamed(pipeline, noise(20000), 3000)
    assert all(module.training for module in pipeline.modules())
    assert_same(found, causal().predict(noise(20000), RATE, check=None))


def test_a_pipeline_without_windows_is_saved(tmp_path: Any) -> None:
    pipeline = causal(postprocess=MedianFilter(3))
    pipeline.save(tmp_path)
    loaded = Pipeline.load(tmp_path)
    assert loaded.window_s is None
    assert loaded.hop_s is None
    assert_same(
        loaded.predict(noise(20000), RATE, check=None),
        pipeline.predict(noise(20000), RATE, check=None),
    )
    assert loaded.stream().latency_s == pipeline.stream().latency_s


class OfOwn(nn.Module):
    """A network of one's own that has no step."""

    def forward(self, features: Tensor) -> SELDOutput:
        """Return activities that are directions, too."""
        pooled = nn.functional.avg_pool2d(features, (4, 8)).mean(dim=(1, 3))
        activity = pooled[..., None].expand(-1, -1, CLASSES)
        return SELDOutput(activity, activity[..., None].expand(-1, -1, -1, 3))


@pytest.mark.messages
def test_what_cannot_stream_says_so() -> None:
    of_own: Any = {"format": ClassWise(CLASSES), "window_s": None}
    with pytest.raises(ValueError, match="OfOwn cannot stream: it has no step of its own"):
        Pipeline(extractor(), OfOwn(), **of_own).stream()
    assert (
        Pipeline(extractor(), OfOwn(), **of_own | {"window_s": 1.0}).stream(check=None).latency_s
        < 1
    )
    features = presets.dcase2023_foa()
    whole = Pipeline(features, causal_crnn(CLASSES), MultiACCDOA(CLASSES), window_s=None)
    with pytest.raises(ValueError, match=r"LogMel.* needs the whole clip, so it cannot stream"):
        whole.stream()
    with pytest.raises(ValueError, match="label_rate must be that of the network, 40 feature"):
        causal(label_rate=20.0).stream()


@pytest.mark.messages
@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (Hysteresis(0.6, 0.3), r"lookback=None and lookahead=None of Hysteresis\(high=0.6"),
        (LinkTracks(), r"lookback=None and lookahead=0 of LinkTracks\(memory=0.9"),
        (Chain([MedianFilter(3), Hysteresis(0.6, 0.3)]), r"lookahead=None of Chain\(steps="),
        (lambda output: output, "lookback=None and lookahead=None of <function"),
    ],
)
def test_post_processing_without_end_says_so(steps: Any, message: str) -> None:
    with pytest.raises(ValueError, match="postprocess must read a number of frames.*" + message):
        causal(postprocess=steps).stream()


@pytest.mark.messages
@pytest.mark.parametrize(
    ("chunk", "error", "message"),
    [
        (torch.zeros(3, 5), ValueError, r"chunk must be \(channel=4, sample\), got shape \(3, 5\)"),
        (torch.zeros(5, 4), ValueError, "samples come last: give chunk.T"),
        (torch.zeros(1, 4, 5), ValueError, r"give one clip at a time, such as chunk\[0\]"),
        (torch.full((4, 5), torch.nan), ValueError, "chunk must be finite, got nan"),
        (
            torch.full((4, 5), 9000.0),
            ValueError,
            "chunk must have full scale 1, got a peak",
        ),
        (torch.zeros(4, 5, dtype=torch.int16), TypeError, "chunk must hold floats with full scale"),
        ([[0.0]] * 4, TypeError, "chunk must be a tensor or an array, got list"),
    ],
)
def test_messages_of_wrong_chunks(chunk: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        causal().stream().push(chunk)


@pytest.mark.messages
def test_messages_of_windows() -> None:
    with pytest.raises(ValueError, match="hop_s must be None where window_s is, got 1"):
        causal(hop_s=1.0)
