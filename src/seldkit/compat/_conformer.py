"""Names in the Conformers of PSELDNets and its relatives, for `layers.ConformerBlock`."""

from typing import Any

from seldkit.compat._rules import WORD, Rule

_PARTS = {
    "0.module.sequential.0": "feedforward1.norm",
    "0.module.sequential.1": "feedforward1.expand",
    "0.module.sequential.4": "feedforward1.reduce",
    "1.module.layer_norm": "attention_norm",
    "1.module.attention.query_proj": "attention.query",
    "1.module.attention.key_proj": "attention.key",
    "1.module.attention.value_proj": "attention.value",
    "1.module.attention.pos_proj": "attention.position",
    "1.module.attention.out_proj": "attention.output",
    "2.module.sequential.0": "convolution.norm",
    "2.module.sequential.2.conv": "convolution.expand",
    "2.module.sequential.4.conv": "convolution.depthwise",
    "2.module.sequential.5": "convolution.batch_norm",
    "2.module.sequential.7.conv": "convolution.reduce",
    "3.module.sequential.0": "feedforward2.norm",
    "3.module.sequential.1": "feedforward2.expand",
    "3.module.sequential.4": "feedforward2.reduce",
    "4": "norm",
}
_BIASES = {"u_bias": "content_bias", "v_bias": "position_bias"}


def conformer_rules(published: str, ours: str, **fields: Any) -> list[Rule]:
    """Return the rules for an `nn.Sequential` of blocks.

    The blocks need `positions="shift", scale="model"`.

    Args:
        published: Where the blocks are there, with fields.
        ours: Where they are here, with the same fields.
        fields: See [`Rule`][seldkit.compat._rules.Rule].

    Examples:
        >>> from seldkit.compat._rules import to_ours
        >>> rules = conformer_rules("decoder", "temporal")
        >>> to_ours(rules, "decoder.layers.1.sequential.0.module.sequential.4.weight")
        'temporal.1.feedforward1.reduce.weight'
    """
    block = f"{published}.layers.{{block}}.sequential"
    return [
        Rule(
            f"{block}.1.module.attention.{{bias}}",
            f"{ours}.{{block}}.attention.{{bias}}",
            block=0,
            bias=_BIASES,
            **fields,
        ),
        Rule(
            f"{block}.{{part}}.{{tensor}}",
            f"{ours}.{{block}}.{{part}}.{{tensor}}",
            block=0,
            part=_PARTS,
            tensor=WORD,
            **fields,
        ),
    ]


def is_sinusoid_table(name: str) -> bool:
    """Return whether a published tensor is a table of sinusoids, which our blocks compute.

    Examples:
        >>> is_sinusoid_table("layers.0.sequential.1.module.positional_encoding.pe")
        True
    """
    return name.endswith(".positional_encoding.pe")
