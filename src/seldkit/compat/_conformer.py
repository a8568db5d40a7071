"""Names in the Conformers of PSELDNets and its relatives, for `layers.ConformerBlock`."""

import re

_TENSOR = re.compile(r"layers\.(\d+)\.sequential\.(.+)\.(\w+)")

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
_BIASES = {"u_bias": "attention.content_bias", "v_bias": "attention.position_bias"}


def rename_conformer(name: str) -> str | None:
    """Return the name of a published tensor in an `nn.Sequential` of blocks, or None if unknown.

    The blocks need `positions="shift", scale="model"`.

    Examples:
        >>> rename_conformer("layers.1.sequential.0.module.sequential.4.weight")
        '1.feedforward1.reduce.weight'
    """
    match = _TENSOR.fullmatch(name)
    if match is None:
        return None
    block, part, tensor = match.groups()
    if part == "1.module.attention" and tensor in _BIASES:
        return f"{block}.{_BIASES[tensor]}"
    return f"{block}.{_PARTS[part]}.{tensor}" if part in _PARTS else None


def is_sinusoid_table(name: str) -> bool:
    """Return whether a published tensor is a table of sinusoids, which our blocks compute.

    Examples:
        >>> is_sinusoid_table("layers.0.sequential.1.module.positional_encoding.pe")
        True
    """
    return name.endswith(".positional_encoding.pe")
