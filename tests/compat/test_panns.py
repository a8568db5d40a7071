"""Published weights of PANNs arrive under our names, or the error lists what is wrong."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seldkit.backbones import CNN14, cnn14, epanns
from seldkit.compat import panns

Golden = Callable[[str], Path]
TABLES = {
    "spectrogram_extractor.stft.conv_real.weight",
    "spectrogram_extractor.stft.conv_imag.weight",
    "logmel_extractor.melW",
}


@pytest.fixture
def weights(golden: Golden) -> dict[str, Tensor]:
    """Return published names with random weights, without the tables of the front-end."""
    weights = load_file(golden("at2seld/cnn14_tiny_state.safetensors"))
    return {name: tensor for name, tensor in weights.items() if name not in TABLES}


@pytest.mark.parametrize("build", [cnn14, epanns])
def test_all_84_names_of_the_published_networks(golden: Golden, build: Callable[[], CNN14]) -> None:
    shapes = json.loads(golden(f"at2seld/{build.__name__}_state_keys.json").read_text())
    assert len(shapes) == 84
    with torch.device("meta"):
        network = build()
        state = {
            name: torch.empty(shape, dtype=getattr(torch, dtype.removeprefix("torch.")))
            for name, (shape, dtype) in shapes.items()
        }
    converted = panns.convert(state)
    assert len(converted) == len(state) - len(TABLES)
    network.load_state_dict(converted)
    assert all(converted[name].dtype == x.dtype for name, x in network.state_dict().items())


def test_every_tensor_arrives_once(weights: dict[str, Tensor]) -> None:
    converted = panns.convert(weights)
    assert sorted(map(id, converted.values())) == sorted(map(id, weights.values()))
    network = cnn14(13, widths=(4, 8, 16, 24, 32, 48), embedding_dim=40)
    network.load_state_dict(converted)
    assert all(torch.equal(network.state_dict()[name], x) for name, x in converted.items())


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("tables", [set(), TABLES, {"logmel_extractor.melW"}])
@pytest.mark.parametrize("bare", [True, False])
def test_ways_in_which_weights_are_published(
    weights: dict[str, Tensor], prefix: str, tables: set[str], bare: bool
) -> None:
    state = weights | dict.fromkeys(tables, torch.zeros(3))
    state = {prefix + name: tensor for name, tensor in state.items()}
    checkpoint: Mapping[str, object] = state if bare else {"iteration": 600000, "model": state}
    converted, wanted = panns.convert(checkpoint), panns.convert(weights)
    assert converted.keys() == wanted.keys()
    assert all(converted[name] is wanted[name] for name in wanted)


def test_fewer_blocks(weights: dict[str, Tensor]) -> None:
    """Cnn10 has four blocks and a narrower dense layer."""
    state = {k: v for k, v in weights.items() if "block5" not in k and "block6" not in k}
    state |= {"fc1.weight": torch.zeros(40, 24)}
    twos = [2] * 4
    network = cnn14(13, widths=(4, 8, 16, 24), embedding_dim=40, pool_time=twos, pool_freq=twos)
    network.load_state_dict(panns.convert(state))


def test_unknown_and_missing_names_are_all_listed(weights: dict[str, Tensor]) -> None:
    wrong = ["conv_block0.conv1.weight", "conv_block1.conv3.weight", "fc2.bias", "bn0"]
    wrong += ["logmel_extractor.mel", "iteration"]
    lost = {
        "bn0.weight": "norm.batch_norm.weight",
        "conv_block2.bn2.running_var": "blocks.1.norm2.running_var",
        "fc1.bias": "embedding.bias",
        "fc_audioset.weight": "classifier.weight",
    }
    weights = {name: tensor for name, tensor in weights.items() if name not in lost}
    with pytest.raises(KeyError) as error:
        panns.convert(weights | dict.fromkeys(wrong, torch.zeros(1)))
    message = error.value.args[0]
    assert f"unknown: {sorted(wrong)}" in message
    missing = sorted(f"{theirs} (here {ours})" for theirs, ours in lost.items())
    assert f"missing: {missing}" in message


def test_two_names_of_one_tensor_are_listed(weights: dict[str, Tensor]) -> None:
    with pytest.raises(KeyError, match=r"got twice: \['fc1.bias', 'module.fc1.bias'\]"):
        panns.convert(weights | {"module.fc1.bias": weights["fc1.bias"]})


def test_nothing_is_not_a_network() -> None:
    with pytest.raises(KeyError, match=r"unknown: \[\]; missing: .*'conv_block6\.conv1\.weight \("):
        panns.convert({})
