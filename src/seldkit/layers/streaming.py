"""Layers that read a sequence piece by piece and remember what the next piece needs."""

from math import lcm
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeGuard

import torch
from torch import Tensor, nn
from torch.utils import _pytree

State: TypeAlias = Tensor | tuple[Any, ...]
"""What a layer remembers: tensors whose first axis is the batch, or tuples of such."""

_EACH_FRAME = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.ELU,
    nn.GELU,
    nn.Identity,
    nn.LayerNorm,
    nn.LeakyReLU,
    nn.Linear,
    nn.PReLU,
    nn.ReLU,
    nn.Sigmoid,
    nn.SiLU,
    nn.Tanh,
)
_PATCHES = (nn.AvgPool2d, nn.Conv2d, nn.MaxPool2d)


class StepSize(NamedTuple):
    """How many frames a step takes and how many it makes of them; multiples will do, too.

    Attributes:
        taken: Frames that go in.
        made: Frames that come out.

    Examples:
        >>> StepSize(5, 1).then(StepSize(4, 4))
        StepSize(taken=20, made=4)
    """

    taken: int = 1
    made: int = 1

    def then(self, other: "StepSize") -> "StepSize":
        """Return the size of a step of this layer and of another behind it."""
        between = lcm(self.made, other.taken)
        taken, made = between // self.made * self.taken, between // other.taken * other.made
        return StepSize(taken, made)


class Streaming(Protocol):
    """What a layer of your own needs to stream: a step, and the size of it.

    Steps one after the other, each given the state that the one before returned, make what the
    layer makes of the whole sequence in evaluation mode.
    """

    @property
    def step_size(self) -> StepSize:
        """How many frames a step takes and makes, or `ValueError` if the layer cannot stream."""
        ...

    def step(self, x: Any, state: Any = None) -> tuple[Any, State]:
        """Return the output of the next frames and the state behind them.

        Args:
            x: As many frames as a step takes, or a multiple.
            state: What the last step returned; None, or zeros, before the first frame.
        """
        ...


def step_size(module: nn.Module) -> StepSize:
    """Return how many frames a step of a module takes and makes.

    Modules stream that say so by themselves ([`Streaming`][seldkit.layers.Streaming]), layers of
    torch that act on each frame alone, convolutions and poolings whose kernel in time is their
    stride, and `nn.Sequential` of these.

    Raises:
        ValueError: If a module cannot stream; the error names it.

    Examples:
        >>> from seldkit.layers import CausalConv2d
        >>> step_size(nn.Sequential(CausalConv2d(7, 8), nn.ReLU(), nn.MaxPool2d((5, 4))))
        StepSize(taken=5, made=1)
        >>> step_size(nn.Conv2d(7, 8, 3, padding=1))
        Traceback (most recent call last):
        ...
        ValueError: Conv2d cannot stream: its kernel of 3 frames must be its stride, got 1
    """
    if hasattr(type(module), "step_size"):
        size: StepSize = module.step_size  # type: ignore[assignment]
        return size
    if _is_chain(module):
        size = StepSize()
        for layer in module:
            size = size.then(step_size(layer))
        return size
    if isinstance(module, _PATCHES):
        return _step_of_patches(module)
    if isinstance(module, _EACH_FRAME):
        return StepSize()
    raise ValueError(
        f"{type(module).__name__} cannot stream: it has no step of its own and is none of the"
        " layers of torch that act on each frame alone"
    )


def stream_step(module: nn.Module, x: Any, state: Any = None) -> tuple[Any, State]:
    """Return the output of the next frames and the state behind them, see `Streaming`.

    The weights stay in the module and the state outside, so one module serves any number of
    streams, one after the other or, side by side, in one batch.

    Args:
        module: What can stream, in evaluation mode; [`step_size`][seldkit.layers.step_size] tells.
        x: As many frames as its step takes, or a multiple.
        state: What the last step returned; None before the first frame.

    Raises:
        ValueError: If the number of frames is no multiple of what a step takes.

    Examples:
        >>> from seldkit.layers import CausalConv2d
        >>> layers, x = nn.Sequential(CausalConv2d(7, 8), nn.ReLU()), torch.randn(1, 7, 20, 64)
        >>> first, state = stream_step(layers, x[:, :, :9])
        >>> second, state = stream_step(layers, x[:, :, 9:], state)
        >>> torch.allclose(torch.cat((first, second), dim=2), layers(x), atol=1e-6)
        True
    """
    if hasattr(type(module), "step_size"):
        layer_of_ours: Any = module
        output: tuple[Any, State] = layer_of_ours.step(x, state)
        return output
    if _is_chain(module):
        states = []
        for layer, before in zip(module, state or [None] * len(module), strict=True):
            x, after = stream_step(layer, x, before)
            states.append(after)
        return x, tuple(states)
    taken = step_size(module).taken
    check_step(x, taken, dim=-2)
    return module(x), ()


def check_step(x: Tensor, taken: int, *, dim: int) -> None:
    """Raise `ValueError` unless there are frames, by whole steps."""
    frames = x.shape[dim]
    if not frames or frames % taken:
        rule = "at least one frame" if taken == 1 else f"a multiple of {taken} frames"
        raise ValueError(f"x must have {rule} in a step, got {frames}: shape {tuple(x.shape)}")


class StreamingStep(nn.Module):
    """One step of a module as a function of tensors, for export: the state goes in and comes out.

    A step takes the input and the tensors of the state, and returns the output and the tensors of
    the next state, in the same order. The first state is zeros: `start`.

    Args:
        module: What can stream; it is put in evaluation mode.
        example: An input of one step, of any batch.

    Examples:
        >>> from seldkit.layers import CausalConv2d
        >>> x = torch.randn(1, 7, 5, 64)
        >>> step = StreamingStep(CausalConv2d(7, 8), x)
        >>> program = torch.export.export(step, (x, *step.start()))
        >>> output, past = program.module()(x, *step.start())
        >>> output.shape, past.shape
        (torch.Size([1, 8, 5, 64]), torch.Size([1, 7, 2, 64]))
    """

    def __init__(self, module: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.module = module
        self.eval()
        with torch.no_grad():
            _, state = stream_step(module, torch.zeros_like(example[:1]))
        tensors, self._form = _pytree.tree_flatten(state)
        for number, tensor in enumerate(tensors):  # they go where the weights go
            self.register_buffer(f"start{number}", torch.zeros_like(tensor), persistent=False)

    def start(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Return the state before the first frame of so many streams."""
        starts = (self.get_buffer(f"start{number}") for number in range(self._form.num_leaves))
        return tuple(x.new_zeros(batch, *x.shape[1:]) for x in starts)

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Any, ...]:
        """Return the output and the tensors of the next state."""
        if len(state) != self._form.num_leaves:
            raise ValueError(f"state must be {self._form.num_leaves} tensors, got {len(state)}")
        before = _pytree.tree_unflatten(state, self._form)
        output, after = stream_step(self.module, x, before)
        return (output, *_pytree.tree_leaves(after))


def _is_chain(module: nn.Module) -> TypeGuard[nn.Sequential]:
    """Return whether a module does no more than its layers, one behind the other."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward


def _step_of_patches(module: nn.Module) -> StepSize:
    """Return the step of what makes one frame of each so many, with nothing before or behind."""
    kernel, stride, padding = (
        value[0] if isinstance(value, tuple) else value
        for value in (module.kernel_size, module.stride, module.padding)
    )
    name = type(module).__name__
    if kernel != stride:
        raise ValueError(
            f"{name} cannot stream: its kernel of {kernel} frames must be its stride, got {stride}"
        )
    dilation = getattr(module, "dilation", 1)  # which averages do not have
    dilation = dilation[0] if isinstance(dilation, tuple) else dilation
    assert isinstance(kernel, int)
    if kernel > 1 and dilation != 1:
        raise ValueError(f"{name} cannot stream: its dilation must be 1 in time, got {dilation}")
    if padding and not isinstance(padding, str):  # of one frame "same" is none, as "valid" is
        raise ValueError(f"{name} cannot stream: it must not be padded in time, got {padding}")
    return StepSize(kernel, 1)
