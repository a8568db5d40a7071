"""Every network learns: a step down the gradient brings it nearer to what it should tell."""

import torch
from torch import Tensor
from torch.utils import _pytree

from networks import Network, each_network

FALL = 1e-4
"""By which part the error falls in a step, as far as slopes can tell."""


@each_network
def test_the_error_on_a_batch_falls_as_the_gradient_says(network: Network) -> None:
    model = network.build().double().train()
    maps = torch.randn(2, network.channels, network.frames, network.bins, dtype=torch.float64)

    def told() -> list[Tensor]:
        torch.manual_seed(0)  # the same units are dropped each time
        leaves = [x for x in _pytree.tree_leaves(model(maps)) if isinstance(x, Tensor)]
        return [x for x in leaves if x.requires_grad]

    targets = [x.detach() + 0.5 * torch.rand_like(x) for x in told()]

    def error() -> Tensor:
        pairs = zip(told(), targets, strict=True)
        return torch.stack([(x - target).square().mean() for x, target in pairs]).sum()

    before = error()
    before.backward()
    slopes = [(p, p.grad) for p in model.parameters() if p.grad is not None]
    steepness = torch.stack([slope.square().sum() for _, slope in slopes]).sum()
    with torch.no_grad():
        for parameter, slope in slopes:
            parameter.sub_(FALL * before / steepness * slope)
    assert 0.5 * FALL < 1 - error() / before < 1.5 * FALL
