"""AT2SELD: its parts, what is frozen, its variants, and that it learns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit import Events
from seldkit._builders import built_by
from seldkit.ambisonics import plane_wave
from seldkit.backbones import TaggingBackbone, cnn14, yamnet
from seldkit.features import LogMel, presets
from seldkit.formats import TrackWise
from seldkit.geometry import angle_deg, unit_vector
from seldkit.layers import CrossStitch
from seldkit.losses import FixedWeights, presence_loss, trackwise_pit_loss
from seldkit.models import AT2SELD, LevelToLogMel, SemanticProjection, SpatialEncoder, at2seld
from seldkit.outputs import SELDOutput, combine
from seldkit.pipeline import Pipeline
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("at2seld_keys.json")
STITCHES: dict[str, dict[str, Any]] = {
    "cs00": {"late_stitch": False},
    "cs01": {},
    "cs10": {"late_stitch": False, "early_stitches": ["block1"]},
    "cs11": {"early_stitches": ["block1", "block3"]},
}


def tagger(*widths: Any, frames_per_step: int = 32) -> TaggingBackbone:
    """Return a backbone of few weights, of steps of so many frames."""
    pools = frames_per_step.bit_length() - 1
    pool_time = (2,) * pools + (1,) * (6 - pools)
    return cnn14(widths=widths or ((4, 6), *[6] * 5), pool_time=pool_time, embedding_dim=8)


def small_yamnet(frames_per_step: int = 32) -> TaggingBackbone:
    """Return a YAMNet of few weights."""
    return yamnet(widths=[8] * 14, frames_per_step=frames_per_step)


def small(num_classes: int = 4, num_tracks: int = 2, **arguments: Any) -> AT2SELD:
    """Return a network of few weights."""
    sizes: dict[str, Any] = {
        "backbone": tagger(),
        "widths": (4, 6),
        "pool_time": (2, 5),
        "pool_freq": (16, 8),
        "channels": 16,
        "feedforward": 16,
        "num_heads": 2,
    }
    return at2seld(num_classes, num_tracks, **(sizes | arguments))


def still(**arguments: Any) -> AT2SELD:
    """Return a network without dropout, whose backbone learns too."""
    return small(map_dropout=0.0, dropout=0.0, frozen=False, **arguments)


def features(batch: int = 2, frames: int = 40, channels: int = 10, bins: int = 513) -> Tensor:
    levels = 20 * torch.randn(batch, 4, frames, bins) - 30
    rest = torch.rand(batch, channels - 4, frames, bins) - 0.5
    return torch.cat((levels, rest), dim=1)


def backbone_of(model: AT2SELD) -> TaggingBackbone:
    assert model.backbone is not None
    return model.backbone


def count(module: nn.Module | None) -> int:
    assert module is not None
    return sum(p.numel() for p in module.parameters())


def test_names_and_numbers_of_weights() -> None:
    with torch.device("meta"):
        model = at2seld(13)
        names = {
            name: {key: list(value.shape) for key, value in part.state_dict().items()}
            for name, part in model.named_children()
            if name != "backbone"
        }
        variants = {
            "cs11": sorted(small(**STITCHES["cs11"]).early_stitches.state_dict()),
            "attention": sorted(
                small(track_attention=True, split="embedding").track_encoder.state_dict()
            ),
            "one_direction": sorted(
                small(smoothing="unidirectional", smoothing_layers=2).smoothing.state_dict()
            ),
        }
    assert names | {"variants": variants} == json.loads(KEYS.read_text())
    assert count(model.backbone) == 23_205_839
    assert count(model) - count(model.backbone) == 2_196_349
    assert count(model.track_encoder) == 3 * 256 * 257 + 527_104
    assert not any(p.requires_grad for p in backbone_of(model).parameters())


@pytest.mark.parametrize("stitches", STITCHES)
def test_every_stitch_learns_with_all_its_weights(stitches: str) -> None:
    model = still(**STITCHES[stitches])
    given = features()
    kept = given.clone()
    seld, presence = model(given, presence=True)
    sum(x.square().mean() for x in (seld.activity, seld.direction, presence)).backward()
    assert torch.equal(given, kept)
    for name, parameter in model.named_parameters():
        if name.startswith(("backbone.embedding", "backbone.classifier")):
            assert parameter.grad is None, name
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name
    with torch.autocast("cpu", torch.bfloat16):
        assert all(x.isfinite().all() for x in model(given)[:2])


def test_stitches_decide_what_the_output_hears() -> None:
    given = features(1)
    for stitches, hears in (("cs00", False), ("cs01", True), ("cs10", True)):
        model = small(**STITCHES[stitches]).eval()
        before = model(given)
        for parameter in backbone_of(model).parameters():
            parameter.data.mul_(1.5)
        assert torch.equal(model(given).activity, before.activity) != hears, stitches
    late = small().late_stitch
    assert isinstance(late, CrossStitch)
    torch.testing.assert_close(late.weight[0], torch.tensor([[0.9, 0.1], [0.1, 0.9]]))
    assert not late.sequential
    shared, drawn = small(shared_stitch=True).late_stitch, small(stitch_own=None).late_stitch
    assert isinstance(shared, CrossStitch)
    assert isinstance(drawn, CrossStitch)
    assert shared.weight.shape == (1, 2, 2)
    assert len(drawn.weight.unique()) == 64


def test_the_late_stitch_mixes_as_the_formula_says() -> None:
    model = still().eval()
    given, weight = features(1), torch.tensor([[0.7, 0.2], [0.4, 0.5]])
    assert isinstance(model.late_stitch, CrossStitch)
    model.late_stitch.weight.data[:] = weight
    assert model.front_end is not None
    assert model.semantic_projection is not None
    level = model.front_end(given[:, :1])
    semantic = model.semantic_projection(backbone_of(model).encode(level), 40).unsqueeze(2)
    tracks = model.track_encoder(model.spatial_encoder(given))
    smooth = model.smoothing(0.4 * semantic + 0.5 * tracks)
    heard = (0.7 * semantic + 0.2 * tracks).mean(dim=2)
    seld, presence = model(given, presence=True)
    torch.testing.assert_close(seld.activity, model.head(smooth, smooth).activity)
    torch.testing.assert_close(presence, model.presence_head(heard))


@pytest.mark.parametrize("until", ["all", "block2"])
@pytest.mark.parametrize("stitches", ["cs01", "cs11"])
def test_what_is_frozen_stays_as_it_is(until: str, stitches: str) -> None:
    model = small(frozen=True if until == "all" else until, **STITCHES[stitches]).train()
    parts = backbone_of(model).parts()
    names = list(parts)
    frozen = names if until == "all" else names[: names.index(until) + 1]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, weight_decay=0.1)
    seld, presence = model(features(), presence=True)
    (seld.activity.square().mean() + seld.direction.square().mean() + presence.mean()).backward()
    optimizer.step()
    for name in frozen:
        assert all(p.grad is None for p in parts[name].parameters())
    same = {
        name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])
    }
    for name, part in parts.items():
        if name in ("embedding", "classifier"):
            continue
        held = [n for n, m in model.named_modules() if m is part]
        inside = {n for n in before if n.startswith(held[0] + ".")}
        assert inside <= same if name in frozen else not inside & same, name
    outside = {n for n in before if not n.startswith("backbone.")}
    assert not outside & same


def test_the_taggers_log_mel_is_made_of_the_level() -> None:
    waveform = 0.1 * torch.randn(1, 4, 32000)
    waveform[..., 12000:20000] = 0
    reader = small().front_end
    assert isinstance(reader, LevelToLogMel)
    linear = presets.at2seld()(waveform)
    wanted = presets.panns()(waveform[:, :1])
    torch.testing.assert_close(reader(linear[:, :1]), wanted, rtol=0, atol=1e-3)
    silent = torch.full((1, 1, 3, 513), -100.0)
    assert (reader(silent) == -100).all()
    mel = presets.at2seld(bins="mel", phase=None)(waveform)
    torch.testing.assert_close(mel[:, :1], wanted, rtol=0, atol=2e-5)
    assert isinstance(small(bins="mel", pool_freq=(8, 8)).front_end, nn.Identity)


def test_the_log_mel_of_yamnet_is_close() -> None:
    time = torch.arange(64000) / 32000
    waveform = 0.3 * torch.sin(2 * torch.pi * 900 * time) + 0.05 * torch.randn(64000)
    spectrum = torch.fft.rfft(waveform)
    slow = torch.fft.irfft(spectrum[: 16000 + 1]) / 2  # 16 kHz, by cutting the upper half
    wanted = presets.yamnet(whole_patches=False)(slow[None, None])[..., :-1, :]
    level = presets.at2seld()(waveform.expand(1, 4, -1))[:, :1]
    reader = small(backbone=small_yamnet()).front_end
    assert reader is not None
    got = reader(level)[:, :, 1 : wanted.shape[2] + 1]
    assert (got - wanted).mean().abs() < 0.05
    assert (got - wanted).square().mean().sqrt() < 0.5 * wanted.std()


def test_the_log_mel_of_yamnet_is_the_same_of_bins_and_of_bands() -> None:
    waveform = 0.1 * torch.randn(1, 4, 32000)
    waveform[..., 12000:20000] = 0
    linear, mel = (
        presets.at2seld(bins=bins, tagger="yamnet", phase=None)(waveform)[:, :1]
        for bins in ("linear", "mel")
    )
    of_bins = small(backbone=small_yamnet()).front_end
    of_bands = small(backbone=small_yamnet(), bins="mel", pool_freq=(8, 8)).front_end
    assert of_bins is not None
    assert of_bands is not None
    got, wanted = of_bands(mel), of_bins(linear)
    loud = mel > -60
    torch.testing.assert_close(got[loud], wanted[loud], rtol=0, atol=1e-4)
    torch.testing.assert_close(got, wanted, rtol=0, atol=0.05)  # bins have a floor each


@pytest.mark.parametrize("backbone", [tagger, small_yamnet])
@pytest.mark.parametrize("frames_per_step", [32, 4])
def test_backbones_can_be_swapped(
    backbone: Callable[..., TaggingBackbone], frames_per_step: int
) -> None:
    given = backbone(frames_per_step=frames_per_step)
    model = small(backbone=given, early_stitches=["block2"])
    assert backbone_of(model).frames_per_step == frames_per_step
    seld, presence = model(features(frames=101), presence=True)
    assert seld.activity.shape == (2, 10, 2, 4)
    assert presence.shape == (2, 10, 4)


def test_without_a_backbone() -> None:
    model = small(backbone="none", late_stitch=False)
    assert model.backbone is None
    seld, presence = model(features(), presence=True)
    assert seld.activity.shape == (2, 4, 2, 4)
    assert presence.shape == (2, 4, 4)


class Mean(nn.Module):
    """An encoder in place of ours."""

    def forward(self, x: Tensor) -> Tensor:
        """Return means of ten frames."""
        return x.unfold(2, 10, 10).mean(dim=(3, 4)).mT.repeat(1, 1, 2)[..., :16]


class Fixed(nn.Module):
    """Another head."""

    def forward(self, activity: Tensor, direction: Tensor) -> SELDOutput:
        """Return the first channels."""
        return SELDOutput(activity[..., :4], direction[..., :3])


def test_each_stage_can_be_replaced_by_one_argument() -> None:
    model = still().eval()
    parts = dict(model.named_children())
    parts["early_stitches"] = None  # type: ignore[assignment]
    given = features(1)
    torch.testing.assert_close(AT2SELD(**parts)(given), model(given))  # type: ignore[arg-type]
    linear = SemanticProjection(6, 16, rate=model.semantic_projection.rate, neighbours=0)  # type: ignore[union-attr, arg-type]
    others: dict[str, nn.Module | None] = {
        "backbone": backbone_of(small(backbone=tagger(*[(3, 6)] * 6))),
        "semantic_projection": linear,
        "spatial_encoder": Mean(),
        "track_encoder": nn.Sequential(nn.Unflatten(2, (1, 16))),
        "late_stitch": None,
        "smoothing": nn.Identity(),
        "head": Fixed(),
        "presence_head": nn.Identity(),
    }
    for name, other in others.items():
        tracks = 1 if name == "track_encoder" else 2
        head = {"head": Fixed()} if name == "track_encoder" else {}
        changed = AT2SELD(**(parts | head | {name: other})).eval()  # type: ignore[arg-type]
        seld, presence = changed(given, presence=True)
        assert seld.activity.shape == (1, 4, tracks, 4), name
        assert not torch.equal(seld.activity[:, :, :1], model(given).activity[:, :, :1]) or (
            name == "presence_head"
        ), name
        assert presence.shape[:2] == (1, 4), name


@pytest.mark.parametrize(
    "arguments",
    [
        {"class_directions": False, "distance": True},
        {"in_channels": 13},
        {"bins": "mel", "pool_freq": (4, 4), "in_channels": 7},
        {"block": "convolution", "pool": "max", "neighbours": 0},
        {"attention": "squeeze_excite", "pool_time": (2, 2)},
        {"attention": "multi_scale", "temporal": "conformer"},
        {"split": "embedding", "track_attention": True, "sinusoids": True, "num_layers": 2},
        {"temporal": "gru", "smoothing": "none"},
        {"temporal": "none", "smoothing": "unidirectional", "smoothing_residual": True},
        {"smoothing_layers": 2, "shared_stitch": True, "frames_per_label": 20},
        {"frozen": False, "neighbours": 2},
    ],
)
def test_other_settings_run(arguments: dict[str, Any]) -> None:
    model = small(**arguments).eval()
    channels, bins = arguments.get("in_channels", 10), 64 if "bins" in arguments else 513
    seld, presence = model(features(1, 47, channels, bins), presence=True)
    frames = 47 // arguments.get("frames_per_label", 10)
    by_class = (4,) if arguments.get("class_directions", True) else ()
    assert seld.activity.shape == (1, frames, 2, 4)
    assert seld.direction.shape == (1, frames, 2, *by_class, 3)
    assert (seld.distance is not None) == arguments.get("distance", False)
    assert presence.isfinite().all()


@pytest.mark.parametrize(
    ("classes", "tracks", "batch", "frames"), [(1, 1, 1, 10), (13, 3, 1, 31), (5, 2, 3, 99)]
)
def test_shapes(classes: int, tracks: int, batch: int, frames: int) -> None:
    model = small(classes, tracks, early_stitches=["block1"]).eval()
    given = features(batch, frames)
    seld = model(given)
    assert isinstance(seld, SELDOutput)
    assert seld.activity.shape == (batch, frames // 10, tracks, classes)
    assert seld.direction.shape == (batch, frames // 10, tracks, classes, 3)
    assert (seld.direction.abs() < 1).all()
    alone = model(given[-1:])
    torch.testing.assert_close(alone.activity, seld.activity[-1:], rtol=1e-4, atol=1e-5)
    model.train()(given[:1])


@pytest.mark.transforms
@pytest.mark.parametrize(("stitches", "training"), [("cs11", True), ("cs01", False)])
def test_compiles_and_exports(stitches: str, training: bool) -> None:
    model = still(
        backbone=tagger(*[2] * 6), **STITCHES[stitches], track_attention=True, widths=(2, 2)
    )

    class WithPresence(nn.Module):
        """The network as in training."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: Tensor) -> Any:
            """Return both outputs."""
            return self.model(x, presence=True)

    given = features(2, 40)
    # The dropout of the backbone is drawn anew each time.
    backbone_of(model).dropout = 0.0  # type: ignore[assignment]
    assert_compiles_and_exports(WithPresence().train(training), given)


def scene() -> tuple[Tensor, Events]:
    """Return a second of noise from the left, then of a tone from the front, overlapping."""
    time = torch.arange(32000) / 32000
    noise, tone = 0.2 * torch.randn(32000), 0.2 * torch.sin(2 * torch.pi * 700 * time)
    noise, tone = noise * (time < 0.6), tone * (time >= 0.4)
    left, front = unit_vector(torch.tensor(90.0), 0.0), unit_vector(torch.tensor(0.0), 0.0)
    waveform = plane_wave(noise, left) + plane_wave(tone, front)
    frames = [*range(6), *range(4, 10)]
    return waveform, Events.from_degrees(
        frames, [0] * 6 + [1] * 6, [90.0] * 6 + [0.0] * 6, [0.0] * 12
    )


def test_it_learns_a_clip_and_runs_in_a_saved_pipeline(tmp_path: Path) -> None:
    waveform, events = scene()
    extractor, format = presets.at2seld(), TrackWise(2, 2, class_directions=True)
    given = extractor(waveform.unsqueeze(0))
    target = combine(torch.stack, [format.encode(events, num_frames=10)])
    model = small(2, widths=(8, 16), channels=32, map_dropout=0.0, dropout=0.0).train()
    weights = FixedWeights(sed=1.0, doa=1.0, presence=0.25)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=5e-3)
    losses = []
    for _ in range(60):
        seld, presence = model(given, presence=True)
        tasks = trackwise_pit_loss(seld, target, inactive_weight=0.0, gamma=1.0)
        heard = presence_loss(presence, target.activity)
        loss = weights({**tasks._asdict(), "presence": heard})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]
    # In evaluation batch norm has seen one clip: its statistics are those of training.
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.training:
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        model(given)
    pipeline = Pipeline(extractor, model.eval(), format, window_s=1.0)
    found = pipeline.predict(waveform, 32000)
    pipeline.save(tmp_path)
    assert Pipeline.load(tmp_path).predict(waveform, 32000) == found
    expected = {(int(f), int(c)) for f, c in zip(events.frame, events.label, strict=True)}
    assert {(int(f), int(c)) for f, c in zip(found.frame, found.label, strict=True)} == expected
    truth = torch.where(found.label.unsqueeze(1) == 0, torch.eye(3)[1], torch.eye(3)[0])
    assert angle_deg(found.direction, truth.double()).max() < 20


def test_the_call_is_remembered() -> None:
    model = small(backbone=small_yamnet(), frozen="block3", early_stitches=("block2",))
    call = built_by(model)
    assert call is not None
    assert call.name == "at2seld"
    tagger_call = built_by(call.arguments.pop("backbone"))
    assert tagger_call is not None
    assert tagger_call.name == "yamnet"
    again = at2seld(backbone=small_yamnet(), **json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    given = features(1)
    assert torch.equal(again.eval()(given).activity, model.eval()(given).activity)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_tracks": 0}, "num_tracks must be at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"bins": "bark"}, "bins must be one of 'linear', 'mel', got 'bark'"),
        ({"backbone": "vggish"}, "backbone must be a TaggingBackbone, 'epanns' or 'none', got"),
        ({"backbone": "none"}, "backbone='none' needs late_stitch=False and no early_stitches"),
        ({"neighbours": -1}, "neighbours must be at least 0, got -1"),
        ({"block": "dense"}, "block must be one of 'residual', 'convolution', got 'dense'"),
        ({"attention": "triplet"}, "attention must be one of 'none', 'squeeze_excite', 'multi_"),
        ({"block": "convolution", "attention": "multi_scale"}, "attention must be 'none' for"),
        ({"pool": "mean"}, "pool must be one of 'average', 'max', got 'mean'"),
        ({"widths": (4,)}, "must have one length, got 1, 2 and 2"),
        (
            {"pool_freq": (64, 16)},
            r"num_bins must be at least 1024 for .*, got 513",
        ),
        ({"pool_time": (0, 1)}, r"pool_time\[0\] must be at least 1, got 0"),
        ({"map_dropout": 1.0}, r"map_dropout must be in \[0, 1\), got 1.0"),
        ({"split": "copy"}, "split must be one of 'linear', 'embedding', got 'copy'"),
        ({"smoothing": "lstm"}, "smoothing must be one of 'bidirectional', 'unidirectional', "),
        ({"smoothing_layers": 0}, "smoothing_layers must be at least 1, got 0"),
        ({"channels": 15, "temporal": "none"}, "channels must be even for bidirectional smooth"),
        ({"early_stitches": ["norm"]}, r"early_stitches must be some of \['block1', 'block2', "),
        ({"early_stitches": ["block1"] * 2}, r"some of .* got \['block1', 'block1'\]"),
        ({"early_stitches": ["block2", "block1"]}, "each once and in this order, got"),
        ({"early_stitches": ["block7"]}, r"early_stitches must be some of .* got \['block7'\]"),
        ({"early_stitches": "block1"}, "early_stitches must be some of"),
        ({"early_stitches": ["block1", "block2", "block3"]}, "early_stitches must be at most 2"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_parts_and_features() -> None:
    with pytest.raises(ValueError, match="frozen must be True, False or one of norm, block1"):
        small(frozen="conv9")
    model = small()
    parts = dict(model.named_children()) | {"early_stitches": None}
    with pytest.raises(ValueError, match="front_end, backbone and semantic_projection must be"):
        AT2SELD(**(parts | {"front_end": None}))  # type: ignore[arg-type]
    none = {"front_end": None, "backbone": None, "semantic_projection": None}
    with pytest.raises(ValueError, match="late_stitch must be left out without a backbone"):
        AT2SELD(**(parts | none))  # type: ignore[arg-type]
    early = {"early_stitches": {"block9": nn.Identity()}}
    for names in (["block9"], ["norm"], ["classifier"], ["block2", "block1"]):
        wrong = {"early_stitches": {name: nn.Identity() for name in names}}
        with pytest.raises(ValueError, match=r"after some of \['block1', .*\], in this order, got"):
            AT2SELD(**(parts | wrong))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="early_stitches need a SpatialEncoder, got Mean"):
        AT2SELD(**(parts | early | {"spatial_encoder": Mean()}))  # type: ignore[arg-type]
    three = {"early_stitches": {f"block{n}": nn.Identity() for n in (1, 2, 3)}}
    with pytest.raises(ValueError, match="early_stitches must be at most 2, one for each stage"):
        AT2SELD(**(parts | three))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\), got"):
        model(torch.zeros(10, 40, 513))
    with pytest.raises(ValueError, match="must have at least 10 frames"):
        model(torch.zeros(1, 10, 9, 513))
    with pytest.raises(ValueError, match=r"channel=10, time, freq=513\), got shape \(1, 7, 40"):
        model(torch.zeros(1, 7, 40, 513))
    assert isinstance(model.spatial_encoder, SpatialEncoder)
    part = presets.dcase2023_foa().parts[0]
    assert isinstance(part, LogMel)
    with pytest.raises(ValueError, match="log_mel must have no top_db, got 80"):
        LevelToLogMel(part)
