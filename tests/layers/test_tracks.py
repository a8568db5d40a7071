"""Tracks of a sequence: made, read with shared weights, compared."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from seldkit.layers import GatedRecurrentUnit, SharedTrackEncoder, TrackAttention, TrackSplit
from seldkit.layers.tracks import Split
from transforms import assert_compiles_and_exports


def test_each_track_has_a_linear_layer_of_its_own() -> None:
    split, x = TrackSplit(3, 2), torch.randn(2, 5, 3)
    tracks = split(x)
    assert tracks.shape == (2, 5, 2, 3)
    assert split.bias is not None
    for track in range(2):
        wanted = functional.linear(x, split.weight[track], split.bias[track])
        torch.testing.assert_close(tracks[:, :, track], wanted)


def test_embeddings_are_added_to_copies() -> None:
    split, x = TrackSplit(3, 2, split="embedding"), torch.randn(2, 5, 3)
    assert sorted(split.state_dict()) == ["weight"]
    torch.testing.assert_close(split(x)[:, :, 1], x + split.weight[1])
    assert TrackSplit(400, 3, split="embedding").weight.std().item() == pytest.approx(1, abs=0.1)
    assert TrackSplit(400, 3).weight.abs().max() <= 0.05


@pytest.mark.parametrize("residual", [False, True])
def test_an_encoder_reads_each_track_alone(residual: bool) -> None:
    gru = GatedRecurrentUnit(4, 2)
    encoder, x = SharedTrackEncoder(gru, residual=residual), torch.randn(2, 6, 3, 4)
    y = encoder(x)
    for track in range(3):
        alone = gru(x[:, :, track]) + (x[:, :, track] if residual else 0)
        torch.testing.assert_close(y[:, :, track], alone)


def test_one_direction_sees_no_later_frame() -> None:
    x = torch.randn(1, 8, 2, 4)
    changed = x.clone()
    changed[:, 5:] += 1
    forwards = SharedTrackEncoder(GatedRecurrentUnit(4, 4, 2, bidirectional=False))
    both = SharedTrackEncoder(GatedRecurrentUnit(4, 2, 2))
    assert torch.equal(forwards(x)[:, :5], forwards(changed)[:, :5])
    assert not torch.equal(both(x)[:, :5], both(changed)[:, :5])


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_gru_is_that_of_torch(bidirectional: bool) -> None:
    ours = GatedRecurrentUnit(3, 5, 2, bidirectional=bidirectional)
    theirs = nn.GRU(3, 5, 2, batch_first=True, bidirectional=bidirectional)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 7, 3)
    torch.testing.assert_close(ours(x), theirs(x)[0])


def test_tracks_attend_within_their_frame_whatever_their_order() -> None:
    attention = TrackAttention(8, num_heads=2)
    x, order = torch.randn(2, 4, 3, 8), [2, 0, 1]
    y = attention(x)
    torch.testing.assert_close(attention(x[:, :, order]), y[:, :, order])
    torch.testing.assert_close(attention(x[:, 1:2]), y[:, 1:2])
    changed = x.clone()
    changed[:, 1, 0] += 1
    moved = (attention(changed) != y).any(dim=3)
    assert moved[:, 1].all()
    assert not moved[:, [0, 2, 3]].any()


def test_the_attention_is_that_of_torch() -> None:
    ours, theirs = TrackAttention(8, num_heads=2), nn.MultiheadAttention(8, 2, batch_first=True)
    renamed = {"in_proj_weight": ours.qkv.weight, "in_proj_bias": ours.qkv.bias}
    renamed |= {"out_proj.weight": ours.out.weight, "out_proj.bias": ours.out.bias}
    theirs.load_state_dict(renamed)
    x = torch.randn(1, 1, 3, 8)
    read = ours.norm(x[0])
    torch.testing.assert_close(ours(x)[0], x[0] + theirs(read, read, read)[0])


@pytest.mark.parametrize(
    "module",
    [
        TrackAttention(4, num_heads=2, dropout=0.1),
        SharedTrackEncoder(GatedRecurrentUnit(4, 4, bidirectional=False), residual=True),
    ],
)
def test_gradients_reach_everything(module: nn.Module) -> None:
    x = torch.randn(1, 5, 2, 4, requires_grad=True)
    kept = x.detach().clone()
    module(x).square().sum().backward()
    assert torch.equal(x, kept)
    assert x.grad is not None
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).isfinite().all()


@pytest.mark.parametrize("split", ["linear", "embedding"])
def test_gradients_of_the_split(split: Split) -> None:
    module = TrackSplit(4, 2, split=split)
    module(torch.randn(1, 3, 4)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


@pytest.mark.transforms
@pytest.mark.parametrize("split", ["linear", "embedding"])
def test_compiles_and_exports(split: Split) -> None:
    read = SharedTrackEncoder(GatedRecurrentUnit(4, 4, bidirectional=False))
    module = nn.Sequential(TrackSplit(4, 3, split=split), read, TrackAttention(4, num_heads=2))
    assert_compiles_and_exports(module, torch.randn(2, 2, 4))


def test_settings_are_shown_and_places_are_free() -> None:
    assert repr(TrackSplit(4, 3)) == "TrackSplit(4, 3, split='linear')"
    assert "4, num_heads=2, dropout=0.0" in repr(TrackAttention(4, num_heads=2))
    assert "residual=True" in repr(SharedTrackEncoder(nn.Identity(), residual=True))
    meta = torch.device("meta")
    assert TrackSplit(4, 3, device=meta).weight.is_meta
    assert TrackAttention(4, device=meta).qkv.weight.is_meta


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        TrackSplit(4, 0)
    with pytest.raises(ValueError, match="split must be one of 'linear', 'embedding', got 'copy'"):
        TrackSplit(4, 2, split="copy")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=4\), got shape"):
        TrackSplit(4, 2)(torch.zeros(1, 5, 3))
    with pytest.raises(ValueError, match="channels must be a multiple of num_heads=4, got 6"):
        TrackAttention(6)
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1.0"):
        TrackAttention(4, dropout=1.0)
    for module in (TrackAttention(4), SharedTrackEncoder(nn.Identity())):
        with pytest.raises(ValueError, match=r"x must be \(batch, time, track, channel"):
            module(torch.zeros(1, 5, 4))
