"""Logits that start where classes are rare."""

from typing import Any

import pytest
import torch
from torch import nn

from seldkit import backbones, heads, models


def test_every_layer_starts_at_the_probability() -> None:
    head = heads.TrackWiseHead(8, 20, 2)
    before = {name: x.clone() for name, x in head.named_parameters() if "weight" in name}
    heads.set_prior(head.activity, 0.01)
    output = head(*torch.zeros(2, 1, 5, 2, 8))
    torch.testing.assert_close(output.activity.sigmoid(), torch.full((1, 5, 2, 20), 0.01))
    assert not output.direction.any()
    for name, weight in before.items():
        assert torch.equal(head.get_parameter(name), weight)


def test_layers_may_be_of_any_kind() -> None:
    layers = (nn.Linear(4, 9), nn.Conv1d(4, 9, 1), nn.Conv2d(4, 9, 1))
    heads.set_prior(nn.Sequential(*layers), 0.02)
    for layer in layers:
        torch.testing.assert_close(layer.bias.sigmoid(), torch.full((9,), 0.02))  # type: ignore[union-attr]


def test_a_network_starts_rare() -> None:
    encoder = backbones.crnn(widths=(4,), pool_time=(2,), pool_freq=(2,), num_heads=1)
    network = models.encoder_seld(encoder, 50, 2)
    assert isinstance(network, models.EncoderSELD)
    heads.set_prior(network.activity, 0.02)
    for layer in network.activity.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.data.zero_()
    output = network(torch.randn(1, 7, 20, 64))
    torch.testing.assert_close(output.activity.sigmoid(), torch.full((1, 2, 2, 50), 0.02))


@pytest.mark.messages
@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, float("nan")])
def test_a_probability_lies_between_never_and_always(wrong: float) -> None:
    with pytest.raises(ValueError, match=rf"probability must be inside 0\.\.1, got {wrong}"):
        heads.set_prior(nn.Linear(2, 3), wrong)


@pytest.mark.messages
def test_other_messages() -> None:
    with pytest.raises(ValueError, match="layers must hold one with a bias, got ReLU"):
        heads.set_prior(nn.ReLU(), 0.5)
    with pytest.raises(ValueError, match="layers must hold one with a bias, got Linear"):
        heads.set_prior(nn.Linear(2, 3, bias=False), 0.5)
    number: Any = "0.5"
    with pytest.raises(TypeError, match=r"probability must be a number, got '0\.5'"):
        heads.set_prior(nn.Linear(2, 3), number)
