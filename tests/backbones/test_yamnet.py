"""YAMNet: patches and clips, padding as in TensorFlow, and maps as fine as one likes."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit._builders import built_by
from seldkit.backbones import YAMNet, yamnet
from seldkit.backbones.mobilenet import SameConv
from transforms import assert_compiles_and_exports

WIDTHS = [4, 6] * 7


def small(num_classes: int = 5, **arguments: Any) -> YAMNet:
    """Return a network of few weights, whose maps do not vanish."""
    network = yamnet(num_classes, widths=WIDTHS, **arguments)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.uniform_(module.weight, -0.5, 1)
    return network


def log_mel(*shape: int) -> Tensor:
    """Return features as loud as those of noise."""
    return torch.randn(shape) - 2


def test_published_size() -> None:
    with torch.device("meta"):
        network = yamnet()
    scales = sum(m.num_features for m in network.modules() if isinstance(m, nn.BatchNorm2d))
    # TensorFlow Hub's and the ports' count has batch-norm scales of 1, which were never trained.
    assert sum(p.numel() for p in network.parameters()) == 3_740_425 - scales == 3_729_481


def test_names_of_the_state() -> None:
    layer = ["bias", "conv.weight"]
    layer += [f"norm.{name}" for name in ("num_batches_tracked", "running_mean", "running_var")]
    names = {f"blocks.0.{name}" for name in layer} | {"classifier.weight", "classifier.bias"}
    for block in range(1, 14):
        for part in ("depthwise", "pointwise"):
            names |= {f"blocks.{block}.{part}.{name}" for name in layer}
    assert set(small().state_dict()) == names
    assert built_by(yamnet(3, widths=WIDTHS)) == ("yamnet", {"num_classes": 3, "widths": WIDTHS})


@pytest.mark.parametrize(("batch", "frames"), [(1, 96), (2, 131)])
def test_shapes_and_gradients(batch: int, frames: int) -> None:
    network, x = small(), log_mel(batch, 1, frames, 64)
    before = x.clone()
    output = network(x)
    output.logits.square().sum().backward()
    assert output.logits.shape == (batch, 5)
    assert output.embedding.shape == (batch, network.out_channels)
    assert torch.equal(x, before)
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


@settings(max_examples=6)
@given(frames=st.integers(1, 260))
def test_a_clip_is_the_mean_of_its_patches(frames: int) -> None:
    network, x = small().double().eval(), log_mel(2, 1, frames, 64).double()
    with torch.no_grad():
        clip, patches = network(x), network.tag_patches(x)
        hops = max(math.ceil((frames - 96) / 48), 0)
        whole = torch.full((2, 1, 96 + 48 * hops, 64), math.log(0.001), dtype=torch.float64)
        whole[:, :, :frames] = x
        each = [network(whole[:, :, 48 * i : 48 * i + 96]) for i in range(hops + 1)]
    logits = torch.stack([output.logits for output in each], dim=1)
    assert patches.logits.shape == (2, hops + 1, 5)
    torch.testing.assert_close(patches.logits, logits)
    mean = patches.probabilities().mean(dim=1)
    torch.testing.assert_close(clip.probabilities(), mean)
    torch.testing.assert_close(clip.embedding, patches.embedding.mean(dim=1))


def test_scores_near_0_and_1_keep_their_digits() -> None:
    network = small(2, patch_frames=32, patch_hop=32).eval()
    patches = torch.tensor([[[-60.0, 60.0], [-50.0, 50.0]]])
    network.classifier.register_forward_hook(lambda module, inputs, output: patches)
    expected = math.log((math.exp(-60) + math.exp(-50)) / 2)
    (logits,) = network(log_mel(1, 1, 64, 64)).logits.detach()
    torch.testing.assert_close(logits, torch.tensor([expected, -expected]))


@pytest.mark.parametrize("dilation", [1, 2, 8])
@pytest.mark.parametrize("depthwise", [False, True])
def test_convolutions_read_the_frames_that_tensorflow_reads(dilation: int, depthwise: bool) -> None:
    """Of even sizes "same" padding puts the odd zero behind."""
    x, groups = torch.rand(1, 3, 12, 8), 3 if depthwise else 1
    layers = {
        "halve": SameConv(3, 3, 3, halve=True, groups=groups),
        "halve bins": SameConv(
            3, 3, 3, halve=True, keep_frames=True, dilation=dilation, groups=groups
        ),
        "keep": SameConv(3, 3, 3, dilation=dilation, groups=groups),
    }
    for name, layer in layers.items():
        nn.init.uniform_(layer.conv.weight, 0, 1)
        far = 1 if name == "halve" else dilation
        padded = nn.functional.pad(x, (8, 8, 8, 8))
        weight = layer.conv.weight
        y = layer.eval()(x) * math.sqrt(1 + 1e-4)
        frame_step, bin_step = (2 if name == "halve" else 1), (1 if name == "keep" else 2)
        assert y.shape == (1, 3, 12 // frame_step, 8 // bin_step)
        for frame, band, channel in ((0, 0, 0), (y.shape[2] - 1, y.shape[3] - 1, 1), (2, 1, 2)):
            frames = frame * frame_step + torch.tensor(
                [0, 1, 2] if name == "halve" else [-far, 0, far]
            )
            bins = band * bin_step + torch.tensor([-1, 0, 1] if name == "keep" else [0, 1, 2])
            seen = padded[0][:, 8 + frames][:, :, 8 + bins]
            seen = seen[channel : channel + 1] if depthwise else seen
            torch.testing.assert_close(y[0, channel, frame, band], (seen * weight[channel]).sum())


@pytest.mark.parametrize("frames_per_step", [1, 4, 8, 32])
def test_a_step_sees_315_frames_around_its_last(frames_per_step: int) -> None:
    network = small(frames_per_step=frames_per_step).eval()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.5)
    x = torch.rand(1, 1, 640, 64, requires_grad=True)
    step = 320 // frames_per_step
    (gradient,) = torch.autograd.grad(network.encode(x)[:, :, step].sum(), x)
    seen = gradient.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    last = 320 + frames_per_step - 1
    assert torch.equal(seen, torch.arange(last - 157, last + 158))


def test_a_finer_map_holds_the_coarser_one() -> None:
    coarse = small().double().eval()
    x = log_mel(1, 1, 1280, 64).double()
    wanted = coarse.encode(x)[:, :, 12:28]
    assert wanted.std() > 0
    for frames_per_step in (4, 8, 16):
        fine = small(frames_per_step=frames_per_step).double().eval()
        fine.load_state_dict(coarse.state_dict())
        every = 32 // frames_per_step
        found = fine.encode(x)[:, :, every - 1 :: every]
        torch.testing.assert_close(found[:, :, 12:28], wanted)


@pytest.mark.parametrize("frames_per_step", [8, 32])
@pytest.mark.parametrize("frames", [1, 32, 100])
def test_maps_of_any_number_of_frames(frames: int, frames_per_step: int) -> None:
    network, x = small(frames_per_step=frames_per_step), log_mel(1, 1, frames, 64)
    encoded = network.encode(x)
    steps = math.ceil(frames / frames_per_step)
    assert encoded.shape == (1, network.out_channels, steps, network.out_bins) == (1, 6, steps, 2)
    filled = torch.full((1, 1, steps * frames_per_step, 64), math.log(0.001))
    filled[:, :, :frames] = x
    assert torch.equal(network.eval().encode(filled), network.encode(x))


def test_freezing_from_the_first_block_on() -> None:
    network = small().freeze("block13").train()
    assert list(network.parts()) == [f"block{i}" for i in range(1, 15)] + ["classifier"]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network(log_mel(1, 1, 96, 64)).logits.sum().backward()
    after = network.state_dict()
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    learns = {
        name.rsplit(".", 2)[0] for name, p in network.named_parameters() if p.grad is not None
    }
    assert changed == {"13"}  # statistics
    assert learns <= {"blocks.13.depthwise", "blocks.13.pointwise", "blocks.13", "classifier"}


def test_in_low_precision_and_with_replaced_maps() -> None:
    network, x = small().eval(), log_mel(1, 1, 96, 64)
    with torch.autocast("cpu", torch.bfloat16):
        assert network(x).logits.isfinite().all()
    names: list[str] = []

    def silence(name: str, maps: Tensor) -> Tensor:
        names.append(name)
        return maps * 0 if name == "block14" else maps

    assert not network.encode(x, silence).any()
    assert names == [f"block{i}" for i in range(1, 15)]


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(small(frames_per_step=8).eval(), log_mel(1, 1, 100, 64))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"widths": [8] * 13}, "widths must be 14 numbers, got 13"),
        ({"widths": [8] * 13 + [0]}, r"widths\[13\] must be at least 1, got 0"),
        ({"frames_per_step": 64}, "frames_per_step must be one of 1, 2, 4, 8, 16, 32, got 64"),
        ({"patch_hop": 0}, "patch_hop must be at least 1, got 0"),
    ],
)
def test_messages_of_the_builder(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        yamnet(**arguments)


@pytest.mark.messages
def test_messages_of_the_features() -> None:
    network = small()
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=1, time, freq=64\)"):
        network(torch.zeros(1, 4, 96, 64))
    with pytest.raises(
        ValueError, match=r"features must not be empty along time, got \(1, 1, 0, 64\)"
    ):
        network.encode(torch.zeros(1, 1, 0, 64))
