"""Dot-product attention: the step that all attention here has in common."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._typing import Float


def attend(
    query: Float[Tensor, "*batch place c"],
    key: Float[Tensor, "*batch other c"],
    value: Float[Tensor, "*batch other c"],
    bias: Float[Tensor, "*batch_1 place other"] | None = None,
    *,
    dropout: float = 0.0,
    scale: float | None = None,
) -> Float[Tensor, "*batch place c"]:
    """Return the values, weighted in each place by a softmax of query times key.

    Args:
        query: What each place looks for.
        key: What the others have.
        value: What is taken from them.
        bias: Added to the scaled products.
        dropout: Probability that a weight is dropped.
        scale: Factor of the products; one over the root of the channels if None.
    """
    attended = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=bias, dropout_p=dropout, scale=scale
    )
    # A fused kernel leaves its own order in memory, which exporters do not keep but rely on.
    if torch.compiler.is_exporting():
        return attended.clone(memory_format=torch.contiguous_format)
    return attended
