"""AD-YOLO: its size, its names, and that it is saved, trained and exported."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from seldkit import Pipeline
from seldkit._builders import built_by
from seldkit.events import Events
from seldkit.features import presets
from seldkit.formats import AngularGrid
from seldkit.heads import AngularGridHead
from seldkit.losses import adyolo_loss
from seldkit.models import SequenceSELD, ad_yolo
from seldkit.outputs import combine
from sound_fields import diffuse_noise
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("ad_yolo_keys.json")
SIZES: dict[str, Any] = {
    "num_bins": 16,
    "widths": (8, 8),
    "num_blocks": (1, 1),
    "pool_time": (2, 2),
    "pool_freq": (2, 2),
    "rnn_channels": 4,
    "hidden": 8,
}


def small(num_classes: int = 3, **arguments: Any) -> SequenceSELD:
    """Return a network of few weights."""
    return ad_yolo(num_classes, **SIZES | arguments)


def test_numbers_and_names_of_the_published_network() -> None:
    with torch.device("meta"):
        model, features = ad_yolo(12), torch.empty(2, 7, 9, 64)
        shapes = {name: list(x.shape) for name, x in model.state_dict().items()}
        output = model(features)
    ends = (model.branches, model.head)
    head = sum(p.numel() for part in ends for p in part.parameters())
    assert head == 682_592
    assert sum(p.numel() for p in model.parameters()) - head == 5_999_501
    assert shapes == json.loads(KEYS.read_text())
    assert output.shape == (2, 2, 8, 4, 5, 15)


@pytest.mark.parametrize("cell_deg", [45.0, 90.0])
def test_it_is_trained_on_the_format(cell_deg: float) -> None:
    format = AngularGrid(3, 2, cell_deg=cell_deg, anchors=2)
    events = Events.from_degrees([0, 0, 1], [2, 2, 0], [90.0, -20.0, 5.0], [0.0, 30.0, 89.0])
    target = combine(torch.stack, [format.encode(events, num_frames=2)])
    model = small(cell_deg=cell_deg, anchors=2, dropout=0.0)
    output = model(torch.randn(1, 7, 8, 16))
    adyolo_loss(output, target, cell_deg=cell_deg).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
    assert isinstance(format.decode(output[0]), Events)


def test_a_few_steps_lower_the_loss() -> None:
    format = AngularGrid(3, 2)
    events = Events.from_degrees([0, 1], [2, 0], [90.0, 0.0], [0.0, 30.0])
    target = combine(torch.stack, [format.encode(events, num_frames=2)])
    model, x = small(dropout=0.0), torch.randn(1, 7, 8, 16)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(40):
        loss = adyolo_loss(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_a_pipeline_is_saved_and_loaded(tmp_path: Path) -> None:
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=16)
    pipeline = Pipeline(extractor, small().eval(), AngularGrid(3, merge="soft"), window_s=1.0)
    waveform = diffuse_noise(12000)
    wanted = pipeline.predict(waveform, 8000)
    pipeline.save(tmp_path)
    again = Pipeline.load(tmp_path)
    found = again.predict(waveform, 8000)
    assert again.format == pipeline.format
    assert found.num_frames == wanted.num_frames == 15
    assert torch.equal(found.direction, wanted.direction)


def test_the_call_is_remembered() -> None:
    model = small(anchors=1).eval()
    call = built_by(model)
    assert call is not None
    assert call.name == "ad_yolo"
    again = ad_yolo(**json.loads(json.dumps(call.arguments))).eval()
    again.load_state_dict(model.state_dict())
    x = torch.randn(1, 7, 8, 16)
    assert torch.equal(again(x), model(x))


def test_the_head_is_one_layer() -> None:
    head, x = AngularGridHead(8, 3, cell_deg=90.0, anchors=2), torch.randn(2, 5, 8)
    assert head(x).shape == (2, 5, 4, 2, 2, 6)
    torch.testing.assert_close(head(x).flatten(2), head.linear(x))
    assert "8, 3, cell_deg=90.0, anchors=2" in repr(head)
    head.reset_parameters()
    assert not head.linear.bias.any()


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    model = small(1, num_blocks=(1,), widths=(8,), pool_time=(2,), pool_freq=(4,), anchors=1)
    trunk = model.eval().requires_grad_(False).trunk
    assert_compiles_and_exports(trunk, torch.randn(2, 7, 4, 16))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_blocks": (1,)}, "widths and num_blocks must have one length, got 2 and 1"),
        ({"widths": (8,)}, "must have one length, got 1, 2 and 2"),
        ({"num_bins": 3}, "num_bins must be at least 4 for"),
        ({"cell_deg": 50.0}, "cell_deg must divide 180, got 50"),
    ],
)
def test_messages(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
