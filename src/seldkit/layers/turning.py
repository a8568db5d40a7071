"""Layers that exist and get something new: their tensors, and the names of these, stay."""

from typing import Any, ClassVar

from torch import nn

_KINDS: dict[tuple[type[nn.Module], type[nn.Module]], type[nn.Module]] = {}


class Turned(nn.Module):
    """What comes before the class of a layer that is [`turn`][seldkit.layers.turning.turn]ed.

    Attributes:
        plain: The class that the layer was built of.
    """

    plain: ClassVar[type[nn.Module]]

    def forget(self) -> None:
        """Remove what the layer got when it was turned."""

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        mixin = type(self).__bases__[0]
        return _blank, (mixin, self.plain), vars(self).copy()


def turn(layer: nn.Module, into: type[Turned]) -> None:
    """Let the methods of `into` stand before those of a layer's class, which calls them by `super`.

    A layer that was turned can be copied and pickled, and it still is one of its old class.

    Examples:
        >>> import torch
        >>> class Twice(Turned):
        ...     def forward(self, x):
        ...         return 2 * super().forward(x)
        >>> layer = nn.ReLU()
        >>> turn(layer, Twice)
        >>> layer, layer(3 * torch.ones(1)), isinstance(layer, nn.ReLU)
        (TwiceReLU(), tensor([6.]), True)
        >>> turn_back(layer)
        >>> layer
        ReLU()
    """
    layer.__class__ = _kind(into, type(layer))


def turn_back(layer: nn.Module) -> None:
    """Make a layer what it was, if it was turned."""
    if isinstance(layer, Turned):
        layer.forget()
        layer.__class__ = layer.plain  # type: ignore[assignment]


class Settled(Turned):
    """A batch norm that keeps the statistics it has: it stays in evaluation mode."""

    def train(self, mode: bool = True) -> "Settled":
        """Stay in evaluation mode."""
        super().train(False)
        return self


def _kind(mixin: type[Turned], plain: type[nn.Module]) -> type[nn.Module]:
    """Return one class for each pair, so that layers of one kind compare as such."""
    if (mixin, plain) not in _KINDS:
        name = f"{mixin.__name__}{plain.__name__}"
        inside = {"plain": plain, "__module__": mixin.__module__}
        _KINDS[mixin, plain] = type(name, (mixin, plain), inside)
    return _KINDS[mixin, plain]


def _blank(mixin: type[Turned], plain: type[nn.Module]) -> nn.Module:
    """Return a layer that awaits its state."""
    kind = _kind(mixin, plain)
    return kind.__new__(kind)
