"""The ROAM network: its size, its variants, and what each of them promises."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.formats import TrackWise
from seldkit.layers import CrossStitch
from seldkit.losses import trackwise_pit_loss
from seldkit.models import StitchedSELD, einv2, roam
from seldkit.outputs import combine
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("roam_keys.json")
ATTENTIONS = ("none", "mfm", "ctam", "attentive_mfm", "roam")
TEMPORALS = ("transformer", "conformer", "gru", "none")


def small(num_classes: int = 5, num_tracks: int = 2, **arguments: Any) -> StitchedSELD:
    """Return a network of few weights."""
    sizes: dict[str, Any] = {"widths": (4, 6, 8, 16), "feedforward": 16, "num_layers": 1}
    return roam(num_classes, num_tracks, **(sizes | arguments))


def names_of(model: StitchedSELD, part: str) -> list[str]:
    return sorted(model.get_submodule(part).state_dict())


def count(model: StitchedSELD, part: str = "") -> int:
    return sum(p.numel() for p in model.get_submodule(part).parameters())


def test_numbers_of_weights() -> None:
    with torch.device("meta"):
        model, plain, none = roam(14), roam(14, norm="none"), roam(14, attention="none")
    attention, stitches = 4 * 300, 4 * (64 + 128 + 256 + 512)
    filters = 2 * 9 * (4 * 64 + 64 * 64 + 64 * 128 + 128 * 128 + 128 * 256 + 256 * 256)
    filters += 2 * 9 * (256 * 512 + 512 * 512)
    channels = 2 * 2 * (64 + 128 + 256 + 512)
    assert count(plain, "trunk.stages_a") == filters + channels + attention == 9_373_104
    assert count(model, "trunk.stages_a") == filters + 2 * channels + attention == 9_376_944
    assert count(none, "trunk.stages_a") == 4_687_872
    assert count(model, "trunk.stitches") == stitches == 3840
    assert sum(count(model, part) for part in ("sed_tracks", "doa_tracks", "head")) == 25_259_571
    assert count(model) == 44_020_755


def test_shapes_of_the_published_network() -> None:
    with torch.device("meta"):
        model, features = roam(14), torch.empty(2, 7, 2400, 128)
        maps = []
        for stage in model.get_submodule("trunk.stages_b").children():
            features = stage(features)
            maps.append(tuple(features.shape[1:]))
        output = model(torch.empty(2, 7, 2400, 128))
    assert maps[1::2] == [(64, 1200, 32), (128, 600, 8), (256, 300, 2), (512, 300, 1)]
    assert output.activity.shape == (2, 300, 3, 14)
    assert output.direction.shape == (2, 300, 3, 3)


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        shapes = {k: list(v.shape) for k, v in roam(14).state_dict().items()}
        blocks = {
            attention: names_of(small(attention=attention), "trunk.stages_a.0")
            for attention in ATTENTIONS
        }
        encoders = {
            temporal: names_of(small(temporal=temporal, num_layers=2), "sed_tracks.encoders.0")
            for temporal in TEMPORALS
        }
    assert shapes == pinned["roam"]
    assert blocks == pinned["blocks"]
    assert encoders == pinned["encoders"]


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("temporal", TEMPORALS)
def test_every_variant_learns_with_all_its_weights(attention: str, temporal: str) -> None:
    model = small(attention=attention, temporal=temporal, dropout=0.0)
    features = torch.randn(1, 7, 19, 128)
    kept = features.clone()
    output = model(features)
    (output.activity.square().mean() + output.direction.square().mean()).backward()
    assert torch.equal(features, kept)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    with torch.autocast("cpu", torch.bfloat16):
        assert model(features).activity.isfinite().all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"pool": "max", "norm": "post", "mean_first": True, "attention_kernel": 3},
        {"norm": "none", "sinusoids": True, "num_stitches": 3, "stitch_before_pool": True},
        {"num_stitches": 0, "attention": "mfm", "norm": "post"},
        {"sequential_stitch": True, "stitch_own": 0.9},
    ],
)
def test_other_settings_run(arguments: dict[str, Any]) -> None:
    output = small(**arguments).eval()(torch.randn(1, 7, 16, 128))
    assert output.activity.shape == (1, 2, 2, 5)
    assert output.direction.isfinite().all()


@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames", "bins"),
    [(1, 1, 1, 8, 128), (14, 3, 1, 37, 128), (13, 2, 3, 161, 131), (170, 4, 2, 15, 256)],
)
def test_shapes(classes: int, tracks: int, batch: int, frames: int, bins: int) -> None:
    output = small(classes, tracks).eval()(torch.randn(batch, 7, frames, bins))
    assert output.activity.shape == (batch, frames // 8, tracks, classes)
    assert output.direction.shape == (batch, frames // 8, tracks, 3)
    assert (output.direction.abs() < 1).all()


def test_two_microphones_and_other_sizes() -> None:
    model = small(in_channels=14, sed_channels=8, widths=(4, 8), pool_time=(1, 2), pool_freq=(3, 1))
    assert model(torch.randn(1, 14, 9, 6)).activity.shape == (1, 4, 2, 5)


def stitches_of(model: StitchedSELD) -> list[CrossStitch]:
    return [part for part in model.trunk.modules() if isinstance(part, CrossStitch)]


def test_averages_may_be_stitched_before_or_after() -> None:
    after, before = small(), small(stitch_before_pool=True)
    state = dict(zip(before.state_dict(), after.state_dict().values(), strict=True))
    before.load_state_dict(state)
    features = torch.randn(2, 7, 16, 128)
    torch.testing.assert_close(before.eval()(features), after.eval()(features))
    stitches = before.get_submodule("trunk.stitches")
    assert [name for name, _ in stitches.named_children()] == ["0", "2", "4", "6"]


def test_stitches_are_as_many_and_start_as_asked() -> None:
    assert [stitch.channels for stitch in stitches_of(small())] == [4, 6, 8, 16]
    assert [stitch.channels for stitch in stitches_of(small(num_stitches=3))] == [4, 6, 8]
    for stitch in stitches_of(small(stitch_own=0.9)):
        torch.testing.assert_close(stitch.weight[0], torch.tensor([[0.9, 0.1], [0.1, 0.9]]))
    for stitch in stitches_of(small(stitch_low=1.0, stitch_high=1.0)):
        assert (stitch.weight == 1).all()
    assert not any(stitch.sequential for stitch in stitches_of(small()))
    assert all(stitch.sequential for stitch in stitches_of(small(sequential_stitch=True)))


def test_without_attention_it_is_einv2() -> None:
    sizes: dict[str, Any] = {
        "widths": (4, 8),
        "pool_time": (2, 1),
        "pool_freq": (4, 2),
        "num_layers": 1,
        "feedforward": 16,
    }
    ours = roam(5, 2, attention="none", num_stitches=1, sequential_stitch=True, **sizes).eval()
    theirs = einv2(5, 2, **sizes).eval()
    state = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    ours.load_state_dict(state)
    features = torch.randn(2, 7, 10, 16)
    torch.testing.assert_close(ours(features), theirs(features))


def test_it_is_trained_on_positions() -> None:
    events = Events.from_degrees(
        [0, 1, 1], [2, 2, 0], [90.0, 90.0, -20.0], [0.0, 0.0, 30.0], distance=[1.5, 1.4, 2.0]
    )
    target = TrackWise(3, 2, positions_m=2.0).encode(events, num_frames=2)
    batch = combine(torch.stack, [target])
    losses = trackwise_pit_loss(small(3)(torch.randn(1, 7, 16, 128)), batch)
    (losses.sed + losses.doa).backward()
    assert losses.doa > 0


@pytest.mark.transforms
@pytest.mark.parametrize("training", [True, False])
def test_compiles_and_exports(training: bool) -> None:
    sizes: dict[str, Any] = {"widths": (8,), "pool_time": (2,), "pool_freq": (4,)}
    model = small(3, 1, attention_kernel=3, dropout=0.0, **sizes)
    assert_compiles_and_exports(model.train(training), torch.randn(2, 7, 8, 8))


def test_the_call_is_remembered() -> None:
    model = small(14, 3, attention="mfm", temporal="gru")
    call = built_by(model)
    assert call is not None
    assert call.name == "roam"
    again = roam(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 16, 128)
    assert torch.equal(again.eval()(features).activity, model.eval()(features).activity)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"sed_channels": 8}, "sed_channels must be at most 7, got 8"),
        ({"widths": (4, 8)}, "must have one length, got 2, 4 and 4"),
        ({"widths": (), "pool_time": (), "pool_freq": ()}, "must have one length, got 0, 0 and 0"),
        ({"widths": (4, 4, 4, 12)}, "last of widths, must be a multiple of 8 .*, got 12"),
        ({"widths": (4, 4, 4, 5), "temporal": "gru"}, "must be a multiple of 2 for 'gru', got 5"),
        ({"temporal": "conformer", "feedforward": 24}, "must be a multiple of 16 for Conformer"),
        ({"temporal": "lstm"}, "temporal must be one of 'transformer', 'conformer', 'gru', 'ma"),
        ({"attention": "msca"}, "attention must be one of 'none', 'mfm', 'ctam', 'attentive_mfm'"),
        ({"pool": "mean"}, "pool must be one of 'average', 'max', got 'mean'"),
        ({"pool_freq": (4, 0, 4, 2)}, r"pool_freq\[1\] must be at least 1, got 0"),
        ({"num_stitches": 5}, r"num_stitches must lie in 0\.\.4, got 5"),
        ({"norm": "batch"}, "norm must be one of 'pre', 'post', 'none', got 'batch'"),
        ({"num_heads": 0}, "num_heads must be at least 1, got 0"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_features() -> None:
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\), got"):
        small()(torch.zeros(7, 16, 128))
    with pytest.raises(ValueError, match=r"must be \(batch, channel=7, time, freq\), got shape"):
        small()(torch.zeros(1, 10, 16, 128))
    with pytest.raises(ValueError, match=r"x must have at least \(2, 4\) frames and bins, got"):
        small()(torch.zeros(1, 7, 7, 128))
    with pytest.raises(ValueError, match=r"x must have at least \(1, 2\) frames and bins, got"):
        small()(torch.zeros(1, 7, 16, 64))
