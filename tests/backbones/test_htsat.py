"""The encoder of HTS-AT takes any length, and does not mix what is apart."""

from typing import Any

import pytest
import torch
from torch import nn

from networks import htsat_pair
from seldkit.backbones import HTSAT, htsat, htsat_branches
from seldkit.backbones.swin import StochasticDepth, WindowAttention

SMALL: dict[str, Any] = {
    "num_bins": 8,
    "spec_size": 32,
    "patch": 2,
    "embed_dim": 8,
    "depths": (2, 2),
    "num_heads": (2, 4),
    "window": 4,
}
WINDOW = 128  # frames of one image


def small(**arguments: Any) -> HTSAT:
    """Return an encoder of few weights, whose batch norm has seen something."""
    encoder = htsat(3, **(SMALL | arguments))
    nn.init.uniform_(encoder.norm.batch_norm.running_mean, -1, 1)  # type: ignore[arg-type, union-attr]
    return encoder.eval()


@pytest.mark.parametrize("frames", [1, 5, WINDOW - 1, WINDOW, WINDOW + 1, 300])
@pytest.mark.parametrize("batch", [1, 3])
def test_any_length(frames: int, batch: int) -> None:
    encoder, x = small(), torch.randn(batch, 3, frames, 8)
    before = x.clone()
    y = encoder(x)
    windows = -(-frames // WINDOW)
    assert y.shape == (batch, encoder.out_channels, windows * 32, encoder.out_bins)
    assert (encoder.out_channels, encoder.out_bins, encoder.frames_per_step) == (16, 2, 4)
    assert torch.equal(x, before)
    torch.testing.assert_close(encoder(x[:1]), y[:1], rtol=1e-4, atol=1e-5)


def test_windows_are_encoded_apart_and_joined_in_order() -> None:
    encoder, x = small(), torch.randn(2, 3, 2 * WINDOW + 40, 8)
    windows = [encoder(part) for part in x.split(WINDOW, dim=2)]
    torch.testing.assert_close(encoder(x), torch.cat(windows, dim=2), rtol=1e-4, atol=1e-5)


def test_what_lacks_of_a_window_is_the_mean() -> None:
    encoder, x = small(), torch.randn(1, 3, 100, 8)
    mean = encoder.norm.batch_norm.running_mean.reshape(1, 3, 1, 8)  # type: ignore[union-attr, operator]
    filled = torch.cat([x, mean.expand(-1, -1, WINDOW - 100, -1)], dim=2)
    torch.testing.assert_close(encoder(x), encoder(filled), rtol=1e-4, atol=1e-5)


def test_branches_apart_are_two_encoders() -> None:
    branches: Any = htsat_pair(3, 2, stitched=False, **SMALL).eval()
    encoder, x = small(), torch.randn(1, 3, WINDOW, 8)
    encoder.norm.load_state_dict(branches.norm.state_dict())
    encoder.stages.load_state_dict(branches.trunk.stages_b.state_dict())
    sed, doa = branches(x)
    torch.testing.assert_close(doa, encoder(x))
    x[:, 2] = 0
    torch.testing.assert_close(branches(x)[0], sed)
    assert not torch.allclose(branches(x)[1], doa)


def test_stitches_stand_before_every_stage() -> None:
    branches: Any = htsat_pair(3, 2, **SMALL)
    stitches = branches.trunk.stitches
    assert {name: stitch.channels for name, stitch in stitches.items()} == {"0": 8, "1": 16}
    assert all(stitch.sequential for stitch in stitches.values())


def test_shifts_and_rates_of_the_blocks() -> None:
    encoder = small(drop_path=0.3, depths=(2, 2), window=8)
    attentions = [m for m in encoder.modules() if isinstance(m, WindowAttention)]
    assert [(a.window, a.shift) for a in attentions] == [(8, 0), (8, 4), (8, 0), (8, 0)]
    rates = [m.rate for m in encoder.modules() if isinstance(m, StochasticDepth)]
    assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3])
    narrow = [m for m in small(window=16).modules() if isinstance(m, WindowAttention)]
    assert [(a.window, a.shift) for a in narrow] == [(16, 0), (16, 0), (8, 0), (8, 0)]


def test_published_sizes() -> None:
    with torch.device("meta"):
        encoder = htsat()
    assert sum(p.numel() for p in encoder.parameters()) == 27_544_472
    assert (encoder.out_channels, encoder.out_bins, encoder.frames_per_step) == (768, 2, 32)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"num_bins": 48}, "spec_size must be a multiple of num_bins=48, got 256"),
        ({"num_bins": 16}, "num_bins must be a multiple of 32, got 16"),
        (
            {"num_bins": 16, "spec_size": 16, "num_heads": (2, 2, 2, 2), "embed_dim": 16},
            "num_bins must be a multiple of 32, got 16",
        ),
        ({"patch": 0}, "patch must be at least 1, got 0"),
        ({"embed_dim": 0}, "embed_dim must be at least 1, got 0"),
        ({"window": 5}, "window must divide the 64 patches of stage 0, got 5"),
        ({"depths": (2, 2)}, "depths and num_heads must have one length, got 2 and 4"),
        ({"depths": (2, 0, 2, 2)}, r"depths\[1\] must be at least 1, got 0"),
        ({"depths": (), "num_heads": ()}, "must have one length, got 0 and 0"),
        ({"num_heads": (4, 8, 16, 7)}, "num_heads must divide the 768 channels of stage 3, got 7"),
        ({"drop_path": 1.0}, r"drop_path must be in \[0, 1\), got 1.0"),
    ],
)
def test_messages_of_wrong_sizes(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        htsat(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_channels() -> None:
    with pytest.raises(ValueError, match="sed must read at most the 3 channels of doa, got 4"):
        htsat_pair(3, 4, **SMALL)
    with pytest.raises(ValueError, match=r"sed must have the sizes of doa, .* 16, 3\), got "):
        htsat_branches(small(embed_dim=16), small())
    with pytest.raises(TypeError, match="doa must be an HTSAT, got Linear"):
        htsat_branches(small(), nn.Linear(2, 2))  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"x must be \(batch, channel=3, time, freq=8\), got shape"
    ):
        small()(torch.zeros(1, 7, 5, 8))
