"""Any network is adapted: few weights learn, the rest stays, and LoRA is merged without a trace."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils import _pytree

from networks import NETWORKS, Network
from seldkit import Pipeline, formats, models
from seldkit._builders import built_by
from seldkit.backbones import htsat
from seldkit.features import presets
from seldkit.layers import ConformerBlock, temporal_encoder
from seldkit.models import merge, with_adapters, with_lora
from transforms import assert_compiles_and_exports

PLAIN = {name: n for name, n in NETWORKS.items() if "lora" not in name and "adapters" not in name}
ATTENTIVE = ["einv2", "roam, attentive_mfm", "seldnet", "resnet_conformer", "seddoa, soft"]
each_plain = pytest.mark.parametrize("network", PLAIN.values(), ids=PLAIN)
both = pytest.mark.parametrize("how", [with_adapters, with_lora])


def features_for(network: Network, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(2, network.channels, network.frames, network.bins, dtype=dtype)


def outputs(module: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the tensors of a network's output."""
    return [t for t in _pytree.tree_leaves(module(x)) if t is not None]


def learned(module: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in module.named_parameters() if p.requires_grad}


def stir(module: nn.Module) -> nn.Module:
    """Train a network at random, so to speak."""
    for parameter in learned(module).values():
        nn.init.normal_(parameter, std=0.1)
    return module


@each_plain
def test_lora_changes_a_network_and_merges_without_a_trace(network: Network) -> None:
    module, x = network.build().double().eval(), features_for(network)
    before, state, call = outputs(module, x), set(module.state_dict()), built_by(module)
    gradients = set(learned(module))
    assert with_lora(module, rank=2) is module
    for a, b in zip(outputs(module, x), before, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert {name.split(".")[-1] for name in learned(module)} == {"lora_down", "lora_up"}
    assert state < set(module.state_dict())
    with torch.no_grad():
        changed = outputs(stir(module), x)
    merge(module)
    for a, b in zip(outputs(module, x), changed, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    assert set(module.state_dict()) == state
    assert set(learned(module)) == gradients
    assert built_by(module) == call
    assert str(module) == str(network.build().double().eval())


@pytest.mark.parametrize("name", ATTENTIVE)
def test_adapters_are_nothing_at_first_and_seen_in_every_mode(name: str) -> None:
    network = PLAIN[name]
    module, x = network.build().double().eval(), features_for(network)
    before = outputs(module, x)
    with_adapters(module)
    with torch.inference_mode():
        for a, b in zip(outputs(module, x), before, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    stir(module)
    with torch.inference_mode():
        fused = outputs(module, x)
    for a, b, c in zip(outputs(module, x), fused, before, strict=True):
        torch.testing.assert_close(a, b.clone(), rtol=1e-10, atol=1e-10)
        assert not torch.allclose(a, c)


@pytest.mark.parametrize("scale", [0.1, None])
def test_adapterbit_has_the_published_size(scale: float | None) -> None:
    with torch.device("meta"):
        network = models.encoder_seld(htsat(), 12, format="multi_accdoa")
    with_adapters(network, scale=scale, also=["*bias*", "vectors.*"])
    more = 24 if scale is None else 0  # a number for each of two adapters in twelve blocks
    assert sum(p.numel() for p in learned(network).values()) == 4_918_180 + more
    assert sum(p.numel() for p in network.parameters()) == 32_368_580 + more
    names = learned(network)
    assert sum("relative_position_bias_table" in name for name in names) == 12
    assert sum(name.endswith("adapter.up.weight") for name in names) == 24


@both
@pytest.mark.parametrize("name", ["seddoa", "resnet_conformer", "einv2, conformer"])
def test_training_changes_nothing_but_what_learns(how: Callable[..., nn.Module], name: str) -> None:
    network = PLAIN[name]
    module = how(network.build(), also=["*.bias"])
    stir(module).train()
    before = {n: x.clone() for n, x in module.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], 0.1)
    x = features_for(network, torch.float32)
    torch.stack([t.square().mean() for t in outputs(module, x)]).sum().backward()
    missing = [n for n, p in learned(module).items() if p.grad is None]
    assert not missing
    optimizer.step()
    changed = {n for n, x in module.state_dict().items() if not torch.equal(x, before[n])}
    assert changed
    assert changed <= set(learned(module))


@pytest.mark.parametrize("batch_norms", ["frozen", "statistics"])
def test_batch_norms_are_frozen_or_follow(batch_norms: Any) -> None:
    network = PLAIN["causal_crnn"]
    module = with_lora(network.build(), batch_norms=batch_norms).train()
    module(features_for(network, torch.float32))
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    follow = batch_norms == "statistics"
    assert norms
    assert all(norm.training == follow for norm in norms)
    assert all(bool(norm.running_mean.any()) == follow for norm in norms)  # type: ignore[union-attr]
    assert all(part.training for part in merge(module).modules())


def test_where_and_also_choose_by_name() -> None:
    encoder = temporal_encoder("transformer", 8, num_heads=2, feedforward=16)
    with_lora(encoder, where=["*self_attn*"], also=["*norm1*"])
    assert {name.removeprefix("layers.0.") for name in learned(encoder)} == {
        *(f"self_attn.{part}" for part in ("lora_down", "lora_up")),
        *(f"self_attn.out_proj.{part}" for part in ("lora_down", "lora_up")),
        *(f"norm1.{part}" for part in ("weight", "bias")),
    }
    block = with_adapters(ConformerBlock(8), where=["feedforward"])
    parts = {name.split(".adapter")[0] for name in learned(block)}
    assert parts == {"feedforward1", "feedforward2"}


def test_layers_are_changed_in_the_order_of_the_network() -> None:
    network = PLAIN["causal_crnn"].build()
    torch.manual_seed(3)
    with_lora(network)
    first, *_ = (p for name, p in network.named_parameters() if name.endswith("lora_down"))
    torch.manual_seed(3)
    wanted = torch.empty_like(first)
    nn.init.kaiming_uniform_(wanted, a=5**0.5)
    assert torch.equal(first, wanted)


def test_what_was_frozen_before_is_so_after_merging() -> None:
    layer = nn.Linear(3, 2)
    layer.bias.requires_grad_(False)
    merge(with_lora(layer))
    assert set(learned(layer)) == {"weight"}


def test_a_stream_makes_what_the_whole_makes() -> None:
    block = ConformerBlock(8, context=(4, 1)).double().eval()
    x = torch.randn(1, 8, 8, dtype=torch.float64)
    stir(with_adapters(block, scale=1.0))
    state: Any = None
    pieces = []
    for start in range(0, 8, 2):
        piece, state = block.step(x[:, start : start + 2], state)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, dim=1), block(x))


@both
def test_autocast_runs_and_learns(how: Callable[..., nn.Module]) -> None:
    network = PLAIN["seddoa"]
    module = stir(how(network.build()))
    with torch.autocast("cpu", torch.bfloat16):
        values = outputs(module, features_for(network, torch.float32))
    torch.stack([t.float().square().mean() for t in values]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in learned(module).values())


@pytest.mark.transforms
@both
def test_it_compiles_and_exports(how: Callable[..., nn.Module]) -> None:
    module = stir(how(nn.TransformerEncoderLayer(4, 1, 4, batch_first=True))).eval()
    assert_compiles_and_exports(module, torch.randn(2, 5, 4))


@both
def test_a_pipeline_with_it_is_saved_whole(how: Any, tmp_path: Any) -> None:
    sizes: Any = {"widths": (4, 8), "pool_time": (5, 1), "pool_freq": (8, 8), "rnn_channels": 4}
    network = models.seldnet(3, num_heads=2, hidden=(4,), format="accdoa", **sizes)
    pipeline = Pipeline(presets.dcase2021_foa(), stir(how(network)).eval(), formats.ACCDOA(3))
    pipeline.save(tmp_path / "system")
    again, waveform = Pipeline.load(tmp_path / "system"), 0.1 * torch.randn(1, 4, 9600)
    torch.testing.assert_close(again(waveform), pipeline(waveform))
    assert learned(again.model).keys() == learned(pipeline.model).keys()
    if how is with_lora:
        merge(pipeline.model)
        pipeline.save(tmp_path / "merged")
        again = Pipeline.load(tmp_path / "merged")
        assert set(again.model.state_dict()) == set(network.state_dict())


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="neither adapters nor LoRA yet"):
        with_adapters(with_lora(ConformerBlock(8)))
    with pytest.raises(ValueError, match=r"at \['attention'\], got Linear without; with_lora"):
        with_adapters(nn.Linear(3, 2), where=["attention"])
    with pytest.raises(
        ValueError, match="where must be one of 'attention', 'feedforward', got 'x'"
    ):
        with_adapters(ConformerBlock(8), where=["x"])
    with pytest.raises(ValueError, match=r"ratio must be positive, got -1\.0"):
        with_adapters(ConformerBlock(8), ratio=-1)
    with pytest.raises(ValueError, match="where must name parts of the network, got 'head"):
        with_lora(ConformerBlock(8), where=["head*"])
    with pytest.raises(ValueError, match="also must name parts of the network, got 'head"):
        with_lora(ConformerBlock(8), also=["head*"])
    with pytest.raises(ValueError, match="batch_norms must be one of 'frozen', 'statistics'"):
        with_lora(ConformerBlock(8), batch_norms="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got one with none"):
        merge(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="got one with adapters, which no weights can replace"):
        merge(with_adapters(ConformerBlock(8)))
