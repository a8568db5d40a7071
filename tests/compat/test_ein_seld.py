"""Published weights of EIN-SELD arrive under our names, or the error lists what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seldkit.compat import ein_seld
from seldkit.models import einv2

Golden = Callable[[str], Path]


@pytest.fixture
def weights(golden: Golden) -> dict[str, Tensor]:
    """Return published names with random weights."""
    return load_file(golden("einv2/einv2_reduced_state_dict.safetensors"))


def test_every_tensor_arrives_once(weights: dict[str, Tensor]) -> None:
    converted = ein_seld.convert(weights)
    assert sorted(map(id, converted.values())) == sorted(map(id, weights.values()))
    model = einv2(14, widths=(8, 16, 32, 64), feedforward=128)
    model.load_state_dict(converted)
    assert all(torch.equal(model.state_dict()[name], x) for name, x in converted.items())


def test_names_of_data_parallel_training(weights: dict[str, Tensor]) -> None:
    wrapped = {f"module.{name}": tensor for name, tensor in weights.items()}
    assert ein_seld.convert(wrapped).keys() == ein_seld.convert(weights).keys()


def test_fewer_tracks_and_layers(weights: dict[str, Tensor]) -> None:
    fewer = {k: v for k, v in weights.items() if "track2" not in k and "layers.1" not in k}
    model = einv2(14, 1, widths=(8, 16, 32, 64), feedforward=128, num_layers=1)
    model.load_state_dict(ein_seld.convert(fewer))


def test_unknown_and_missing_names_are_all_listed(weights: dict[str, Tensor]) -> None:
    wrong = [
        "fc.bias",
        "sed_conv_block0.0.double_conv.0.weight",
        "sed_trans_track1.layers.0.linear9.bias",
        "stitch.3",
    ]
    lost = {
        "fc_doa_track2.bias": "head.direction.1.bias",
        "stitch.1": "trunk.stitches.1.weight",
        "sed_conv_block3.0.double_conv.4.running_var": "trunk.stages_a.2.norm2.running_var",
    }
    weights = {name: tensor for name, tensor in weights.items() if name not in lost}
    with pytest.raises(KeyError) as error:
        ein_seld.convert(weights | dict.fromkeys(wrong, torch.zeros(1)))
    message = error.value.args[0]
    assert f"unknown: {sorted(wrong)}" in message
    missing = sorted(f"{theirs} (here {ours})" for theirs, ours in lost.items())
    assert f"missing: {missing}" in message


def test_two_names_of_one_tensor_are_listed(weights: dict[str, Tensor]) -> None:
    with pytest.raises(KeyError, match=r"got twice: \['module.stitch.1', 'stitch.1'\]"):
        ein_seld.convert(weights | {"module.stitch.1": weights["stitch.1"]})


def test_nothing_is_not_a_network() -> None:
    with pytest.raises(
        KeyError,
        match=r"missing: .*'fc_sed_track1\.bias \(here head\.activity\.0",
    ):
        ein_seld.convert({})
