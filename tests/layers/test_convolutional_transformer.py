"""CMT blocks: local perception, inverted residuals, and planes apart."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit.layers import CMTBlock, InvertedResidual, LocalPerception
from transforms import assert_compiles_and_exports


class Nothing(nn.Module):
    """An attention that changes nothing."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the map."""
        return x


def test_local_perception_sees_its_neighbours_in_its_channel() -> None:
    layer = LocalPerception(2)
    with torch.no_grad():
        layer.depthwise.weight[0] = 1
        layer.depthwise.weight[1] = 0
    x = torch.zeros(1, 2, 5, 5)
    x[:, :, 2, 2] = 1
    first, second = layer(x)[0]
    assert first[1:4, 1:4].sum() == 10
    assert first[2, 2] == 2
    assert first.sum() == 10
    assert torch.equal(second, x[0, 1])


def test_inverted_residual_is_its_formula() -> None:
    layer, x = InvertedResidual(2, expansion=3), torch.randn(2, 2, 4, 3)
    layer(x)
    layer.eval()
    wide = layer.expand.norm(functional.gelu(layer.expand.conv(x)))  # type: ignore[operator]
    near = layer.filter.norm(functional.gelu(layer.filter.conv(wide)))  # type: ignore[operator]
    wanted = layer.reduce.norm(layer.reduce.conv(wide + near))  # type: ignore[operator]
    torch.testing.assert_close(layer(x), wanted)


def test_a_block_without_attention_by_hand() -> None:
    block, x = CMTBlock(2, Nothing()).eval(), torch.randn(2, 2, 4, 3)
    near = block.local(x)
    normed = functional.layer_norm(near.permute(0, 2, 3, 1), (2,)).permute(0, 3, 1, 2)
    torch.testing.assert_close(block(x), near + block.feedforward(normed))


def test_planes_are_seen_one_by_one() -> None:
    block, x = CMTBlock(2, Nothing(), num_planes=3).eval(), torch.randn(2, 6, 4, 3)
    apart = CMTBlock(2, Nothing())
    apart.load_state_dict(block.state_dict())
    wanted = torch.cat([apart.eval()(plane) for plane in x.chunk(3, dim=1)], dim=1)
    torch.testing.assert_close(block(x), wanted)


def test_gradients_reach_every_parameter() -> None:
    block, x = CMTBlock(2, LocalPerception(2)), torch.randn(2, 2, 4, 3)
    block(x).square().sum().backward()
    for name, parameter in block.named_parameters():
        assert parameter.grad is not None, name


def test_it_starts_anew_but_for_what_it_was_given() -> None:
    block = CMTBlock(2, LocalPerception(2))
    with torch.no_grad():
        for p in block.parameters():
            p.fill_(7)
    block.reset_parameters()
    for name, p in block.named_parameters():
        assert bool((p == 7).all()) == name.startswith("attention"), name


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    block = CMTBlock(2, LocalPerception(4), num_planes=2).eval()
    assert_compiles_and_exports(block, torch.randn(2, 4, 5, 3))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=4, time, freq\), got shape"):
        CMTBlock(2, Nothing(), num_planes=2)(torch.zeros(1, 2, 4, 3))
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=2, time, freq\), got shape"):
        InvertedResidual(2)(torch.zeros(1, 3, 4, 3))
    with pytest.raises(ValueError, match="expansion must be at least 1, got 0"):
        InvertedResidual(2, expansion=0)
