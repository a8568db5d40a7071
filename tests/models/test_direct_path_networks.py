"""SRP-DNN, FN-SSL and IPDnet: published sizes and outputs, no frame sees a later one, streams."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seldkit import Pipeline
from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.features import presets
from seldkit.formats import DirectPathPhase
from seldkit.grids import DirectionGrid
from seldkit.layers import StreamingStep, step_size, stream_step
from seldkit.losses import direct_path_loss
from seldkit.models import fn_ssl, ipdnet, srp_dnn
from transforms import assert_compiles_and_exports

PAIR = ["bias_hh_l0", "bias_ih_l0", "weight_hh_l0", "weight_ih_l0"]
BOTH = [name + end for name in PAIR for end in ("", "_reverse")]
NORM = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"]


def small(name: str, num_microphones: int = 3, **more: Any) -> nn.Module:
    """Return a network of few weights for 16 bins, whose batch norms have seen something."""
    sizes: dict[str, dict[str, Any]] = {
        "srp_dnn": {
            "num_bins": 16,
            "widths": (4, 4),
            "pool_time": (2, 2),
            "pool_freq": (4, 2),
            "rnn_channels": 8,
        },
        "fn_ssl": {"num_bins": 16, "width": 8, "num_blocks": 2, "pool_time": 4},
        "ipdnet": {"width": 8, "conv_width": 4, "pool_time": (2, 2)},
    }
    build: Any = {"srp_dnn": srp_dnn, "fn_ssl": fn_ssl, "ipdnet": ipdnet}[name]
    model: nn.Module = build(num_microphones, **sizes[name] | more)
    for key, value in model.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return model


each_network = pytest.mark.parametrize("name", ["srp_dnn", "fn_ssl", "ipdnet"])


@pytest.mark.parametrize(
    ("build", "settings", "count"),
    [
        (srp_dnn, {}, 861_696),
        (srp_dnn, {"num_microphones": 12}, 861_696),
        (fn_ssl, {}, 2_511_362),
        (fn_ssl, {"causal": False}, 2_118_146),
        (fn_ssl, {"num_directions": 180}, 2_603_702),
        (ipdnet, {}, 709_632),
        (ipdnet, {"causal": False}, 644_096),
        (ipdnet, {"num_microphones": 4}, 2_079_232),
    ],
)
def test_they_are_as_large_as_published(build: Any, settings: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        model = build(**settings)
    assert sum(p.numel() for p in model.parameters()) == count


def test_names_of_weights() -> None:
    srp = [f"pairs.network.sequence.recurrent.{name}" for name in PAIR]
    srp += [f"pairs.network.sequence.output.{name}" for name in ("bias", "weight")]
    for stage in (0, 1):
        conv = f"pairs.network.trunk.{stage}.conv"
        srp += [f"{conv}.conv{i}.weight" for i in (1, 2)]
        srp += [f"{conv}.norm{i}.{name}" for i in (1, 2) for name in NORM]
    assert sorted(small("srp_dnn").state_dict()) == sorted(srp)
    for name, start in (("fn_ssl", "pairs.network."), ("ipdnet", "")):
        keys = [f"{start}blocks.{i}.full.{each}" for i in (0, 1) for each in BOTH]
        keys += [f"{start}blocks.{i}.narrow.{each}" for i in (0, 1) for each in PAIR]
        if name == "ipdnet":
            keys += [f"end.conv{i}.weight" for i in (1, 2, 3)]
        else:
            keys += [f"{start}output.{each}" for each in ("bias", "weight")]
        assert sorted(small(name).state_dict()) == sorted(keys)
    assert "classifier.weight" in small("fn_ssl", num_directions=5).state_dict()


def test_published_output_of_ipdnet(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("recent/ipdnet_small.npz"))
    renamed = {"block_1": "blocks.0", "block_2": "blocks.1", "conv.": "end."}
    renamed |= {"fullLstm": "full", "narrLstm": "narrow"}
    weights = {}
    for name in arrays:
        if name.startswith("w:"):
            ours, weight = name.removeprefix("w:"), torch.from_numpy(arrays[name])
            for old, new in renamed.items():
                ours = ours.replace(old, new)
            weights[ours] = weight.transpose(2, 3) if weight.ndim == 4 else weight
    model = ipdnet(2, width=16).eval()
    model.load_state_dict(weights)
    with torch.no_grad():
        output = model(torch.from_numpy(arrays["x"]).transpose(2, 3))
    # There bins and parts are one axis, and tracks come last.
    found = output.permute(0, 1, 5, 4, 3, 2).flatten(2, 3)
    torch.testing.assert_close(found, torch.from_numpy(arrays["y"]), atol=1e-5, rtol=0)


@settings(max_examples=8)
@given(st.sampled_from(["srp_dnn", "fn_ssl", "ipdnet"]), st.integers(1, 3), st.integers(0, 3))
def test_no_frame_sees_a_later_one_and_steps_make_the_whole(
    name: str, frames: int, more: int
) -> None:
    model, features = small(name).eval(), torch.randn(2, 6, 16 + more, 16)
    with torch.no_grad():
        output = model(features)
        later = features.clone()
        later[:, :, 4 * frames :] = torch.nan
        torch.testing.assert_close(model(later)[:, :frames], output[:, :frames])
        assert step_size(model) == (4, 1)
        first, state = stream_step(model, features[:, :, : 4 * frames])
        second, _ = stream_step(model, features[:, :, 4 * frames : 16], state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), output)


@each_network
def test_a_step_begins_with_zeros(name: str) -> None:
    model, features = small(name).eval(), torch.randn(2, 6, 8, 16)
    step = StreamingStep(model, features[:, :, :4])
    with torch.no_grad():
        first, *state = step(features[:, :, :4], *step.start(2))
        second, *_ = step(features[:, :, 4:], *state)
        torch.testing.assert_close(torch.cat((first, second), dim=1), model(features))


@pytest.mark.parametrize("name", ["srp_dnn", "fn_ssl"])
def test_pairs_are_read_alike(name: str) -> None:
    pairs = [(0, 1), (2, 0), (1, 2)]
    model = small(name, pairs=pairs).eval()
    two = small(name, 2).eval()
    two.load_state_dict(model.state_dict())
    features = torch.randn(1, 6, 8, 16)
    for number, (m, n) in enumerate(pairs):
        wanted = two(features[:, [m, n, 3 + m, 3 + n]])[:, :, 0]
        torch.testing.assert_close(model(features)[:, :, number], wanted)


@each_network
def test_one_scene_is_learned_and_decoded(name: str) -> None:
    array = ArrayGeometry.circle(3, 0.05)
    tracks = 2 if name == "ipdnet" else None
    format = DirectPathPhase(
        array, num_tracks=tracks, max_sources=1, n_fft=32, bins=(1, 17), sample_rate=8000
    )
    events = Events.from_degrees([0, 1], [0, 0], [30.0, 30.0], [0.0, 0.0])
    target = format.encode(events, 3).unsqueeze(0)
    model, features = (
        small(name, dropout=0.0) if name == "fn_ssl" else small(name),
        torch.randn(1, 6, 12, 16),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(80):
        loss = direct_path_loss(model(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05
    found = format.decode(model(features)[0])
    assert found.frame.tolist() == [0, 1]
    assert (found.azimuth_deg - 30).abs().max() < 10


@pytest.mark.parametrize("name", ["srp_dnn", "ipdnet"])
def test_a_pipeline_is_saved_and_streams(name: str, tmp_path: Path) -> None:
    if name == "srp_dnn":
        extractor = presets.srp_dnn(3)
        model = small(name, num_bins=256, pool_freq=(16, 16))
    else:
        extractor, model = presets.ipdnet(3), small(name, width=2, conv_width=2)
    format = DirectPathPhase(
        ArrayGeometry.circle(3, 0.05),
        DirectionGrid.fibonacci(20),
        num_tracks=None if name == "srp_dnn" else 2,
        threshold=-0.1,
    )
    pipeline = Pipeline(extractor, model, format, window_s=None, label_rate=16000 / 1024)
    waveform = torch.randn(3, 6000)
    events = pipeline.predict(waveform, 16000)
    stream = pipeline.stream()
    told = [stream.push(chunk) for chunk in waveform.split(900, dim=1)]
    assert stream.latency_s < 0.07
    assert sum(map(len, [*told, stream.flush()])) == len(events) > 0
    pipeline.save(tmp_path)
    loaded = Pipeline.load(tmp_path)
    assert loaded.format == format
    assert loaded.predict(waveform, 16000) == events


@pytest.mark.transforms
@pytest.mark.parametrize("name", ["srp_dnn", "fn_ssl", "ipdnet"])
def test_they_compile_and_export(name: str) -> None:
    # Compiled, LSTMs take as long as there are bins and frames.
    tiny = {"num_bins": 2, "num_blocks": 1, "pool_time": 2} if name == "fn_ssl" else {}
    frames, bins = {"srp_dnn": (4, 16), "fn_ssl": (2, 2), "ipdnet": (4, 2)}[name]
    model = small(name, 2, **tiny).eval()
    assert_compiles_and_exports(model, torch.randn(1, 4, frames, bins))


@pytest.mark.messages
@each_network
def test_messages(name: str) -> None:
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=6, time, freq"):
        small(name)(torch.zeros(1, 5, 8, 16))
    with pytest.raises(ValueError, match="features must have at least 4 frames, got"):
        small(name)(torch.zeros(1, 6, 3, 16))
    if name != "ipdnet":
        with pytest.raises(ValueError, match="pairs must join channels below 3, got 3"):
            small(name, pairs=[(0, 3)])
    with pytest.raises(ValueError, match=r"must be at least 2|need at least 2"):
        small(name, 1)
    if name != "srp_dnn":
        with pytest.raises(ValueError, match="cannot stream: it is not causal"):
            step_size(small(name, causal=False))
    if name == "fn_ssl":
        with pytest.raises(ValueError, match="must have 8 bins for the classifier, got 16"):
            small(name, num_bins=8, num_directions=5)(torch.zeros(1, 6, 8, 16))
