"""Every published name has a place of its own in a block."""

import pytest
import torch

from seldkit.compat._conformer import conformer_rules, is_sinusoid_table
from seldkit.compat._rules import to_ours
from seldkit.layers import ConformerBlock


def test_every_tensor_is_named_once() -> None:
    linear = ["0.sequential.0", "0.sequential.1", "0.sequential.4", "2.sequential.0"]
    linear += ["2.sequential.2.conv", "2.sequential.5", "2.sequential.7.conv"]
    linear += ["3.sequential.0", "3.sequential.1", "3.sequential.4", "1.layer_norm"]
    linear += [f"1.attention.{part}_proj" for part in ("query", "key", "value", "out")]
    published = [f"{name}.{kind}" for name in linear for kind in ("weight", "bias")]
    published += ["1.attention.pos_proj.weight", "1.attention.u_bias", "1.attention.v_bias"]
    published += [f"2.sequential.5.running_{kind}" for kind in ("mean", "var")]
    published += ["2.sequential.5.num_batches_tracked", "2.sequential.4.conv.weight"]
    published = [f"{name[0]}.module{name[1:]}" for name in published] + ["4.weight", "4.bias"]
    rules = conformer_rules("a", "b")
    renamed = [to_ours(rules, f"a.layers.12.sequential.{name}") for name in published]
    with torch.device("meta"):
        ours = ConformerBlock(8).state_dict()
    assert sorted(map(str, renamed)) == sorted(f"b.12.{name}" for name in ours)


@pytest.mark.parametrize(
    "name",
    [
        "layers.0.sequential.5.weight",
        "layers.0.sequential.1.module.attention.w_bias",
        "layers.0.sequential.1.module.positional_encoding.pe",
        "encoder.layers.0.sequential.4.weight",
        "layers.0.weight",
        "",
    ],
)
def test_unknown_names_have_none(name: str) -> None:
    assert to_ours(conformer_rules("a", "b"), f"a.{name}") is None
    assert is_sinusoid_table(name) == name.endswith("pe")
