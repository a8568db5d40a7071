"""CST-former: sizes and names of the published forms; every form learns at any length."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit._builders import built_by
from seldkit.losses import adpit_loss
from seldkit.models import CST_FORMERS, SequenceSELD, cst_former
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("cst_former_keys.json")
SIZES: dict[str, Any] = {
    "num_bins": 16,
    "widths": (4, 4),
    "pool_time": (1, 5),
    "pool_freq": (2, 2),
    "num_heads": 2,
    "num_layers": 1,
    "patch": (4, 2),
    "patch_heads": 2,
    "hidden": (6,),
}
FORMS: list[dict[str, Any]] = [
    {"channel": "none", "cmt": False, "format": "accdoa"},
    {"channel": "none"},
    {"channel": "dca"},
    {"channel": "dca", "legacy_order": True, "cmt": False},
    {"channel": "ule"},
    {"channel": "ule", "format": "class_wise", "distance": True},
]


def small(num_classes: int = 3, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights."""
    return cst_former(num_classes, **SIZES | arguments)


@pytest.mark.parametrize(
    ("form", "size"),
    [("dst", 289_319), ("dst_cmt", 374_517), ("dca_cmt", 1_268_597), ("ule_cmt", 391_733)],
)
def test_published_sizes(form: str, size: int) -> None:
    with torch.device("meta"):
        model = cst_former(13, **CST_FORMERS[form])
    assert sum(p.numel() for p in model.parameters()) == size


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        for form, settings in CST_FORMERS.items():
            model = cst_former(13, **dict(settings, num_layers=1))
            shapes = {k: list(x.shape) for k, x in model.state_dict().items()}
            assert shapes == pinned[form], form


def test_gradients_reach_every_parameter() -> None:
    for form in FORMS:
        model = small(**form)
        output = model(torch.randn(2, 7, 10, 16))
        parts = [output] if isinstance(output, Tensor) else [x for x in output if x is not None]
        torch.stack([part.square().mean() for part in parts]).sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("channel", ["none", "dca", "ule"])
def test_the_loss_falls(channel: str) -> None:
    model, features = small(channel=channel, dropout=0.0), torch.randn(4, 7, 10, 16)
    direction = torch.nn.functional.normalize(torch.randn(4, 2, 1, 3, 3), dim=-1)
    target = torch.cat((direction, torch.zeros(4, 2, 2, 3, 3)), dim=2)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for _ in range(30):
        loss = adpit_loss(model(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("frames", [5, 23, 61])
@pytest.mark.parametrize("bins", [9, 16])
def test_any_length_and_bins(frames: int, bins: int) -> None:
    for form in FORMS[1:5]:
        output = small(num_bins=bins, **form).eval()(torch.randn(1, 7, frames, bins))
        assert output.shape == (1, frames // 5, 3, 3, 3)


def test_planes_are_read_one_by_one() -> None:
    model = small(channel="dca").eval()
    assert isinstance(model.trunk, torch.nn.Sequential)
    x = torch.randn(1, 7, 10, 16)
    other = x.clone()
    other[:, 2] += 1
    changed = (model.trunk[0](x) - model.trunk[0](other)).abs().amax(dim=(0, 2, 3)).reshape(7, 4)
    assert changed[2].any()
    assert not changed[[0, 1, 3, 4, 5, 6]].any()


def test_items_of_a_batch_do_not_mix() -> None:
    for form in FORMS[1:5]:
        model, features = small(**form).eval(), torch.randn(3, 7, 10, 16)
        torch.testing.assert_close(model(features)[1:2], model(features[1:2]), rtol=1e-4, atol=1e-5)


def test_the_call_is_remembered() -> None:
    model = small(channel="dca", legacy_order=True)
    call = built_by(model)
    assert call is not None
    again = cst_former(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = torch.randn(1, 7, 10, 16)
    assert torch.equal(again.eval()(features), model.eval()(features))


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    assert_compiles_and_exports(small().eval(), torch.randn(2, 7, 10, 16))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"legacy_order": True}, "legacy_order must be False unless channel is 'dca', got 'ule'"),
        ({"channel": "cbam"}, "channel must be one of 'ule', 'dca', 'none', got 'cbam'"),
        ({"num_heads": 3}, "channels must be a multiple of 3 heads, got 4"),
        ({"patch_heads": 3}, "patch must hold a multiple of 3 places"),
        ({"widths": (4,)}, "must have one length, got 1, 2 and 2"),
        ({"num_bins": 3}, "num_bins must be at least 4"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
