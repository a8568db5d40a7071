"""U-Nets return maps of the size they were given, and see fine and coarse."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import DoubleConv, UNet, UNetDecoder, UNetEncoder
from transforms import assert_compiles_and_exports


def small(in_channels: int = 3, out_channels: int = 2, **arguments: Any) -> UNet:
    """Return a network of few weights."""
    return UNet(in_channels, out_channels, **({"widths": (4, 6, 8)} | arguments))


@settings(max_examples=25)
@given(
    st.integers(1, 2), st.integers(1, 21), st.integers(1, 21), st.integers(1, 3), st.integers(1, 3)
)
def test_any_size(batch: int, time: int, freq: int, pool_time: int, pool_freq: int) -> None:
    model = small(pool_time=pool_time, pool_freq=pool_freq).eval()
    x = torch.randn(batch, 3, time, freq)
    maps = model.encoder(x)
    sizes = [(time, freq)]
    for _ in range(2):
        sizes.append((-(-sizes[-1][0] // pool_time), -(-sizes[-1][1] // pool_freq)))
    assert [tuple(m.shape[2:]) for m in maps] == sizes
    assert [m.shape[1] for m in maps] == [4, 6, 8]
    assert model(x).shape == (batch, 2, time, freq)


def written_out(model: UNet, x: Tensor) -> Tensor:
    """Return the output of three levels, step by step, for sizes that are multiples of four."""
    fine, middle, coarse = model.encoder.levels
    up_middle, up_coarse = model.decoder.ups
    merge_fine, merge_middle = model.decoder.levels
    first = fine(x)
    second = middle(nn.functional.max_pool2d(first, 2))
    third = coarse(nn.functional.max_pool2d(second, 2))
    second = merge_middle(torch.cat((second, up_coarse(third)), dim=1))
    first = merge_fine(torch.cat((first, up_middle(second)), dim=1))
    output: Tensor = model.output(first)
    return output


def test_the_network_is_the_one_of_the_figure() -> None:
    model, x = small().eval(), torch.randn(2, 3, 12, 8)
    torch.testing.assert_close(model(x), written_out(model, x))


def test_an_odd_size_is_as_if_followed_by_nothing() -> None:
    encoder = UNetEncoder(3, widths=(4, 6)).eval()
    seen: list[Tensor] = []
    encoder.levels[1].register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    fine = encoder(torch.randn(1, 3, 5, 4))[0]
    torch.testing.assert_close(seen[0][:, :, 2], fine[:, :, 4].unfold(2, 2, 2).amax(dim=-1))


def test_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        model = UNet(23, 1)
    assert sum(p.numel() for p in model.parameters()) == 31_049_153
    assert model(torch.zeros(1, 23, 256, 256, device="meta")).shape == (1, 1, 256, 256)


def test_every_bin_may_depend_on_all_and_one_axis_may_stay() -> None:
    model, x = small(widths=(4, 4, 4, 4)).double().eval(), torch.randn(1, 3, 16, 16).double()
    x.requires_grad_()
    (seen,) = torch.autograd.grad(model(x)[0, 0, 0, 0], x)
    assert seen[0, :, -1, -1].any()
    flat = small(pool_time=1).eval()
    assert [tuple(m.shape[2:]) for m in flat.encoder(torch.zeros(1, 3, 9, 9))] == [
        (9, 9),
        (9, 5),
        (9, 3),
    ]


def test_all_weights_learn_and_have_names() -> None:
    model = small().train()
    model(torch.randn(1, 3, 9, 7)).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    double = {f"{layer}.weight" for layer in ("conv1", "norm1", "conv2", "norm2")}
    ours = {name for name, _ in model.named_parameters() if name.endswith("weight")}
    assert ours == {
        *(f"encoder.levels.{i}.{name}" for i in range(3) for name in double),
        *(f"decoder.levels.{i}.{name}" for i in range(2) for name in double),
        *(f"decoder.ups.{i}.weight" for i in range(2)),
        "output.weight",
    }


def test_autocast_reset_and_repr() -> None:
    model, x = small().eval(), torch.randn(1, 3, 9, 7)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(x).isfinite().all()
    before = {name: p.clone() for name, p in model.named_parameters() if "conv" in name}
    model.reset_parameters()
    assert all(not torch.equal(p, before[n]) for n, p in model.named_parameters() if n in before)
    assert "UNet(\n  3, 2" in repr(model)
    assert isinstance(model.encoder.levels[0], DoubleConv)
    assert small(dtype=torch.float64)(x.double()).dtype == torch.float64


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(small(widths=(4, 6)).eval(), torch.randn(2, 3, 9, 7))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"widths": (4,)}, r"widths must be of two levels at least, got \(4,\)"),
        ({"widths": (4, 0)}, r"widths\[1\] must be at least 1, got 0"),
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"out_channels": 0}, "out_channels must be at least 1, got 0"),
        ({"pool_time": 0}, "pool_time must be at least 1, got 0"),
        ({"pool_freq": 0}, "pool_freq must be at least 1, got 0"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_maps() -> None:
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq\), got shape"):
        small()(torch.zeros(1, 4, 8, 8))
    decoder = UNetDecoder(widths=(4, 6))
    with pytest.raises(ValueError, match="maps must be 2, one a level, got 1"):
        decoder([torch.zeros(1, 4, 8, 8)])
    with pytest.raises(ValueError, match=r"maps\[1\] must be \(batch, channel=6, time, freq\)"):
        decoder([torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 4, 4)])
