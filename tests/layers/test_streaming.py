"""Steps of any sizes make what the whole makes; what cannot stream says so."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit.layers import (
    TFCM,
    CausalConv1d,
    CausalConv2d,
    CausalConv3d,
    CausalDoubleConv,
    ChunkedAttention,
    ConformerBlock,
    CrossPooling,
    FullNarrowBand,
    GatedRecurrentUnit,
    LongShortTermMemory,
    Mamba2,
    MambaBlock,
    MinimalGatedUnit,
    OverPairs,
    SphericalPad,
    StepSize,
    StreamingStep,
    step_size,
    stream_step,
)

FRAMES = 24
"""Frames of a whole sequence, a multiple of every step here."""


class _Swap(nn.Module):
    """A layer of one's own: from a map to a sequence."""

    step_size = StepSize()

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def step(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return self(x), ()


LAYERS: dict[str, tuple[Any, tuple[int, ...], int]] = {
    "conv": (lambda: CausalConv2d(2, 3), (2, FRAMES, 4), 2),
    "dilated": (lambda: CausalConv2d(2, 3, 2, 1, dilation_time=3, bias=False), (2, FRAMES, 4), 2),
    "pointwise": (lambda: CausalConv2d(2, 3, 1), (2, FRAMES, 4), 2),
    "double": (lambda: CausalDoubleConv(2, 3, pool_time=2, pool_freq=2), (2, FRAMES, 4), 2),
    "sequence": (lambda: CausalConv1d(2, 3, dilation_time=2), (FRAMES, 2), 1),
    "sphere": (
        lambda: nn.Sequential(SphericalPad(1, 1), CausalConv3d(1, 1), CrossPooling(1, 1)),
        (1, FRAMES, 3, 2),
        2,
    ),
    "gru": (lambda: GatedRecurrentUnit(3, 4, 2, bidirectional=False), (FRAMES, 3), 1),
    "lstm": (lambda: LongShortTermMemory(3, 4, bidirectional=False), (FRAMES, 3), 1),
    "pairs": (lambda: OverPairs(CausalConv2d(2, 3), 3, pairs=[(0, 2), (2, 1)]), (3, FRAMES, 4), 2),
    "patches": (lambda: nn.Conv2d(2, 3, (4, 3), (4, 1), (0, 1)), (2, FRAMES, 4), 2),
    "attention": (lambda: ChunkedAttention(8, context=(9, 3)), (FRAMES, 8), 1),
    "shaw": (
        lambda: ChunkedAttention(8, context=(4, 1), positions="shaw", max_distance=3),
        (FRAMES, 8),
        1,
    ),
    "no past": (lambda: ChunkedAttention(8, context=(0, 2), num_heads=2), (FRAMES, 8), 1),
    "conformer": (lambda: ConformerBlock(8, context=(5, 1), kernel_size=5), (FRAMES, 8), 1),
    "of attention": (
        lambda: ConformerBlock(
            8,
            attention=ChunkedAttention(8, context=(6, 2), qkv_bias=False),
            context=(6, 2),
            kernel_size=4,
            conv_expansion=2,
            depthwise_bias=True,
        ),
        (FRAMES, 8),
        1,
    ),
    "mamba": (
        lambda: MambaBlock(4, mixer=Mamba2(4, state=3, head_channels=2, chunk=5)),
        (FRAMES, 4),
        1,
    ),
    "tfcm": (lambda: TFCM(2, num_layers=2), (2, FRAMES, 4), 2),
    "network": (
        lambda: nn.Sequential(
            CausalDoubleConv(2, 3, pool_time=2),
            nn.Sequential(CausalConv2d(3, 3), nn.BatchNorm2d(3), nn.ELU()),
            nn.MaxPool2d((3, 2)),
            _Swap(),
            GatedRecurrentUnit(6, 4, bidirectional=False),
            nn.Dropout(0.5),
            nn.Linear(4, 5),
            nn.Tanh(),
        ),
        (2, FRAMES, 4),
        2,
    ),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def layer(name: str) -> tuple[nn.Module, Tensor, int]:
    """Return a layer in double precision, sequences for it, and their axis of time."""
    build, shape, dim = LAYERS[name]
    module = build().double().eval()
    for key, value in module.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return module, torch.randn(2, *shape, dtype=torch.float64), dim


def run(module: nn.Module, x: Tensor, sizes: list[int], dim: int) -> Tensor:
    """Return what steps of these sizes make, one after the other."""
    state, made = None, []
    for piece in x.split(sizes, dim=dim):
        output, state = stream_step(module, piece, state)
        made.append(output)
    return torch.cat(made, dim=-2)


@st.composite
def partitions(draw: st.DrawFn, total: int, unit: int) -> list[int]:
    """Draw sizes of pieces, multiples of a unit, that sum to a total."""
    sizes: list[int] = []
    while sum(sizes) < total:
        left = (total - sum(sizes)) // unit
        sizes.append(unit * draw(st.integers(1, left)))
    return sizes


@each_layer
@settings(max_examples=10)
@given(st.data())
def test_steps_of_any_sizes_make_the_whole(name: str, data: st.DataObject) -> None:
    module, x, dim = layer(name)
    size = step_size(module)
    sizes = data.draw(partitions(FRAMES, size.taken))
    whole = module(x)
    assert whole.shape[-2] == FRAMES // size.taken * size.made
    torch.testing.assert_close(run(module, x, sizes, dim), whole)


def test_a_minimal_gated_unit_steps_as_it_runs() -> None:
    module, x = MinimalGatedUnit(3, 4), torch.randn(2, 9, 3)
    whole, _ = module(x)
    torch.testing.assert_close(run(module, x, [4, 1, 4], 1), whole)
    assert step_size(module) == StepSize()


@each_layer
def test_streams_do_not_mix(name: str) -> None:
    module, x, dim = layer(name)
    taken = step_size(module).taken
    alone = [run(module, item, [taken] * (FRAMES // taken), dim) for item in x.split(1)]
    states: list[Any] = [None, None]
    made: list[list[Tensor]] = [[], []]
    for piece in x.split(taken, dim=dim):
        for number, item in enumerate(piece.split(1)):
            output, states[number] = stream_step(module, item, states[number])
            made[number].append(output)
    for parts, wanted in zip(made, alone, strict=True):
        torch.testing.assert_close(torch.cat(parts, dim=-2), wanted)


@each_layer
def test_the_state_does_not_grow_and_begins_with_zeros(name: str) -> None:
    module, x, dim = layer(name)
    taken = step_size(module).taken
    step = StreamingStep(module, x.narrow(dim, 0, taken))
    state = step.start(2)
    shapes = [part.shape for part in state]
    made = []
    for piece in x.split(taken, dim=dim):
        output, *state = step(piece, *state)
        made.append(output)
        assert [part.shape for part in state] == shapes
        assert all(part.untyped_storage().nbytes() <= 8 * 2 * 100 for part in state)
    torch.testing.assert_close(torch.cat(made, dim=-2), module(x))


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ((1, 1), (1, 1), (1, 1)),
        ((2, 1), (3, 1), (6, 1)),
        ((1, 2), (3, 1), (3, 2)),
        ((5, 1), (4, 4), (20, 4)),
        ((2, 4), (6, 3), (6, 6)),
    ],
)
def test_sizes_of_steps(first: Any, second: Any, both: Any) -> None:
    assert StepSize(*first).then(StepSize(*second)) == both


@pytest.mark.transforms
@pytest.mark.parametrize("name", ["double", "gru", "conformer", "network"])
def test_a_step_is_exported(name: str) -> None:
    module, x, dim = layer(name)
    module, x = module.float(), x.float()
    taken = step_size(module).taken
    first, second = x.narrow(dim, 0, taken), x.narrow(dim, taken, taken)
    step = StreamingStep(module, first)
    exported = torch.export.export(step, (first, *step.start(2))).module()
    output, *state = exported(first, *step.start(2))
    more, *_ = exported(second, *state)
    both = torch.cat((output, more), dim=-2)
    torch.testing.assert_close(both, module(x.narrow(dim, 0, 2 * taken)))


@pytest.mark.transforms
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning")
def test_a_step_runs_in_onnx_runtime() -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    module, x, _ = layer("network")
    module, x = module.float(), x[:1].float()
    step = StreamingStep(module, x[:, :, :6])
    program = torch.onnx.export(
        step, (x[:, :, :6], *step.start()), dynamo=True, optimize=False, verbose=False
    )
    assert program is not None
    session = runtime.InferenceSession(program.model_proto.SerializeToString())
    names = [given.name for given in session.get_inputs()]
    state = [part.numpy() for part in step.start()]
    made = []
    for piece in x.split(6, dim=2):
        given = dict(zip(names, [piece.numpy(), *state], strict=True))
        output, *state = session.run(None, given)
        made.append(torch.from_numpy(output))
    torch.testing.assert_close(torch.cat(made, dim=1), module(x), rtol=1e-4, atol=1e-5)


class Shortcut(nn.Sequential):
    """Layers beside a shortcut, which is no chain of them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return both."""
        output: Tensor = x + super().forward(x)  # type: ignore[no-untyped-call]
        return output


class StreamingShortcut(Shortcut):
    """The same with a step."""

    step_size = StepSize()

    def step(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return the next frames and no state."""
        del state
        return self(x), ()


def test_a_step_of_ones_own_comes_before_that_of_a_chain() -> None:
    module, x = StreamingShortcut(nn.ReLU()), torch.randn(1, 2, 3, 4)
    assert step_size(module) == (1, 1)
    assert torch.equal(stream_step(module, x)[0], module(x))
    assert step_size(nn.Conv2d(1, 1, 1, padding="valid")) == (1, 1)


def test_a_layer_may_stand_in_a_chain_twice() -> None:
    halve = nn.MaxPool2d((2, 1))
    module, x = nn.Sequential(halve, nn.ReLU(), halve), torch.randn(1, 2, 8, 3)
    assert step_size(module) == (4, 1)
    pieces = [stream_step(module, piece)[0] for piece in x.split(4, dim=2)]
    assert torch.equal(torch.cat(pieces, dim=2), module(x))


def test_the_first_state_goes_where_the_weights_go() -> None:
    x = torch.randn(1, 7, 5, 64)
    step = StreamingStep(CausalConv2d(7, 8), x)
    assert list(step.state_dict()) == ["module.weight", "module.bias"]
    for dtype in (torch.bfloat16, torch.float64):
        step = step.to(dtype)
        output, past = step(x.to(dtype), *step.start())
        assert output.dtype == past.dtype == dtype
    assert step.to("meta").start()[0].device.type == "meta"


@pytest.mark.messages
def test_a_state_of_other_streams_is_refused() -> None:
    x = torch.randn(3, 6, 8)
    lstm = LongShortTermMemory(8, 4, bidirectional=False)
    gru = GatedRecurrentUnit(8, 4, bidirectional=False)
    for part in (torch.zeros(1, 4), torch.zeros(3, 5), torch.zeros(3, 1, 4)):
        with pytest.raises(ValueError, match=r"state must be \(batch=3, state=4\), got shape"):
            lstm.step(x, (part, part))
        with pytest.raises(ValueError, match=r"state must be \(batch=3, layer=., state=4\), got"):
            gru.step(x, part[:1] if part.ndim == 3 else part)
    for module in (lstm, gru):
        with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=8\), got shape"):
            module.step(x[..., :5])
    block = FullNarrowBand(4, 32, 4, device=torch.device("cpu"), dtype=torch.float64)
    x = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    _, _, state = block.step(x[:1], x[:1])
    with pytest.raises(ValueError, match=r"state must be \(batch=2, freq=5, state=32\), got shape"):
        block.step(x, x, state)
    step = StreamingStep(lstm, torch.randn(1, 6, 8))
    with pytest.raises(ValueError, match="state must be 2 tensors, got 0"):
        step(torch.randn(1, 6, 8))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("module", "message"),
    [
        (GatedRecurrentUnit(2, 2), "GatedRecurrentUnit cannot stream: it reads from the end, too"),
        (ConformerBlock(8), "ConformerBlock cannot stream: it looks ahead, as it has no context"),
        (nn.Conv2d(2, 2, 3, padding=1), "its kernel of 3 frames must be its stride, got 1"),
        (nn.Conv2d(2, 2, 1, padding=1), "Conv2d cannot stream: it must not be padded in time"),
        (nn.MaxPool2d(2, 1), "MaxPool2d cannot stream: its kernel of 2 frames must be its stride"),
        (nn.Sequential(nn.ReLU(), nn.GRU(2, 2)), "GRU cannot stream: it has no step of its own"),
        (Shortcut(nn.ReLU()), "Shortcut cannot stream: it has no step of its own"),
        (
            nn.Conv2d(1, 1, (2, 1), stride=(2, 1), dilation=(2, 1)),
            "Conv2d cannot stream: its dilation must be 1 in time, got 2",
        ),
    ],
)
def test_what_cannot_stream_says_so(module: nn.Module, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        step_size(module)


@pytest.mark.messages
@pytest.mark.parametrize("name", ["double", "patches", "network"])
def test_messages_of_wrong_steps(name: str) -> None:
    module, x, dim = layer(name)
    taken = CausalDoubleConv(2, 3, pool_time=2).pool_time if name != "patches" else 4
    for frames in (0, taken - 1, taken + 1):
        message = f"x must have a multiple of {taken} frames in a step, got {frames}"
        with pytest.raises(ValueError, match=message):
            stream_step(module, x.narrow(dim, 0, frames))
