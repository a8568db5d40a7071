"""Learned means over frequency."""

import pytest
import torch

from seldkit.layers import AttentionPool


def test_it_is_a_mean_with_weights_of_each_frame() -> None:
    pool, x = AttentionPool(3), torch.randn(2, 3, 4, 5)
    score = torch.einsum("bctf,c->btf", x, pool.score.weight[0]) + pool.score.bias
    weight = score.exp() / score.exp().sum(dim=2, keepdim=True)
    wanted = torch.einsum("bctf,btf->bct", x, weight).unsqueeze(3)
    torch.testing.assert_close(pool(x), wanted)
    turned = pool(x.flip(3))
    torch.testing.assert_close(turned, pool(x))
    pool.reset_parameters()
    torch.testing.assert_close(pool(torch.ones(1, 3, 2, 9)), torch.ones(1, 3, 2, 1))


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq\), got shape"):
        AttentionPool(3)(torch.zeros(1, 4, 5, 6))
