"""What was learned is saved alone, and comes back onto the network it was learned for alone."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seldkit.layers import ConformerBlock
from seldkit.models import load_adapters, merge, save_adapters, with_adapters, with_lora

HOWS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "lora": lambda network: with_lora(network, rank=2),
    "lora and biases": lambda network: with_lora(network, rank=2, also=["*bias"]),
    "lora with statistics": lambda network: with_lora(network, batch_norms="statistics"),
    "adapters": with_adapters,
    "adapters and biases": lambda network: with_adapters(network, scale=None, also=["*bias"]),
}
each_how = pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)


def network(seed: int = 0) -> nn.Module:
    """Return a block with the weights of a seed."""
    torch.manual_seed(seed)
    return ConformerBlock(8, dropout=0.0)


def trained(how: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """Return the network of seed 0 after it learned something."""
    module = how(network())
    torch.manual_seed(5)
    for parameter in module.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter)
    module.train()(torch.randn(2, 9, 8))
    return module.eval()


def values(module: nn.Module) -> Tensor:
    torch.manual_seed(1)
    output: Tensor = module.eval()(torch.randn(2, 5, 8))
    return output


@each_how
def test_it_comes_back_onto_a_plain_network_and_onto_an_adapted_one(
    how: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    module, path = trained(how), tmp_path / "room.safetensors"
    save_adapters(module, path)
    for other in (network(), how(network())):
        assert load_adapters(other, path) is other
        assert torch.equal(values(other), values(module))
        learned = [{n for n, p in m.named_parameters() if p.requires_grad} for m in (other, module)]
        assert learned[0] == learned[1]
    assert set(load_file(path)) < set(module.state_dict())
    assert set(load_file(path)) >= learned[0]


def test_gradients_at_the_end_do_not_say_what_was_learned(tmp_path: Path) -> None:
    module, path = trained(HOWS["lora and biases"]), tmp_path / "room.safetensors"
    learned = {name for name, p in module.named_parameters() if p.requires_grad}
    save_adapters(module.requires_grad_(False), path)
    assert set(load_file(path)) == learned
    other = load_adapters(HOWS["lora and biases"](network()).requires_grad_(False), path)
    torch.testing.assert_close(values(other), values(module))  # one of them without gradients
    assert {name for name, p in other.named_parameters() if p.requires_grad} == learned


def test_the_file_is_small(tmp_path: Path) -> None:
    module = with_lora(nn.Linear(512, 512), rank=1)
    save_adapters(module, tmp_path / "small")
    assert (tmp_path / "small").stat().st_size < 4 * 2 * 512 + 1500


def test_what_was_loaded_can_be_merged(tmp_path: Path) -> None:
    module = trained(HOWS["lora and biases"])
    save_adapters(module, tmp_path / "file")
    other = merge(load_adapters(network(), tmp_path / "file"))
    torch.testing.assert_close(values(other), values(module), rtol=1e-5, atol=1e-5)
    assert set(other.state_dict()) == set(network().state_dict())


@each_how
def test_other_weights_are_refused_unless_asked_for(
    how: Callable[[nn.Module], nn.Module], tmp_path: Path
) -> None:
    save_adapters(trained(how), tmp_path / "file")
    other = network(seed=3)
    before, text = deepcopy(other.state_dict()), str(other)
    with pytest.raises(ValueError, match=r"must have the weights that .*file was trained on"):
        load_adapters(other, tmp_path / "file")
    assert str(other) == text
    torch.testing.assert_close(other.state_dict(), before)
    load_adapters(other, tmp_path / "file", base="any")
    assert not torch.allclose(values(other), values(network(seed=3)))


@pytest.mark.messages
def test_messages(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ValueError, match="must have adapters or LoRA, got one with neither"):
        save_adapters(network(), path)
    module = trained(HOWS["lora"])
    module.get_parameter("attention.query.bias").requires_grad_(True)
    with pytest.raises(ValueError, match=r"also must name all .* are \['attention\.query\.bias'\]"):
        save_adapters(module, path)
    assert not path.exists()
    module = trained(HOWS["lora"])
    save_adapters(module, path)
    wide: Any = ConformerBlock(12)
    with pytest.raises(ValueError, match=r"file does not fit the network in \['attention.key.lo"):
        load_adapters(wide, path, base="any")
    assert str(wide) == str(ConformerBlock(12))
    with pytest.raises(ValueError, match="file does not fit the network: "):
        load_adapters(nn.BatchNorm1d(8), path, base="any")
    with pytest.raises(ValueError, match=r"plain or have lora with .*'rank': 2.*, got lora with"):
        load_adapters(with_lora(network(), rank=3), path)
    with pytest.raises(ValueError, match="base must be one of 'same', 'any', got 'x'"):
        load_adapters(network(), path, base="x")  # type: ignore[arg-type]
    save_file(load_file(path), tmp_path / "other")
    with pytest.raises(ValueError, match="other holds no adapters"):
        load_adapters(network(), tmp_path / "other")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="file is damaged"):
        load_adapters(network(), path)
