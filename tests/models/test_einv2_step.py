"""A training step equals that of the network as it is usually written."""

from typing import Any

import pytest
import torch
from torch import nn

from references.plain_einv2 import PlainEINV2, plain_step, published_weights
from seldkit import SELDOutput
from seldkit.losses import trackwise_pit_loss
from seldkit.models import einv2

SIZES: dict[str, Any] = {"widths": (4, 6, 8, 16), "feedforward": 16, "dropout": 0.0}


@pytest.mark.parametrize("variant", [{}, {"stitch_tracks": True, "sed_channels": 7}])
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_step_equals_the_plain_step(variant: dict[str, Any], channels_last: bool) -> None:
    torch.manual_seed(0)
    plain, model = PlainEINV2(5, **SIZES, **variant), einv2(5, **SIZES, **variant)
    model.load_state_dict(published_weights(plain))
    if channels_last:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stubs lack it
    features = torch.randn(3, 7, 17, 32)
    direction = nn.functional.normalize(torch.randn(3, 4, 2, 3), dim=-1)
    target = SELDOutput((torch.rand(3, 4, 2, 5) > 0.7).float(), direction)
    wanted = plain_step(plain, torch.optim.SGD(plain.parameters(), 0.1), features, target)
    loss = trackwise_pit_loss(model(features), target)
    torch.testing.assert_close(tuple(loss), wanted)
    (loss.sed + loss.doa).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    torch.optim.SGD(model.parameters(), 0.1).step()
    torch.testing.assert_close(model.state_dict(), published_weights(plain), rtol=1e-4, atol=1e-5)
