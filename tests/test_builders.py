"""Builders remember their calls."""

import copy
import pickle
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import pytest
from torch import nn

from seldkit._builders import Call, builder, built_by, recipe_of
from seldkit.formats import TrackWise


@builder
def stack(width: int, depth: int = 2, *, bias: bool = True) -> nn.Module:
    """Return linear layers."""
    return nn.Sequential(*(nn.Linear(width, width, bias=bias) for _ in range(depth)))


@builder
def deep_stack(width: int) -> nn.Module:
    """Call another builder."""
    return stack(width, depth=5)


@builder
def free(width: int, **settings: Any) -> nn.Module:
    """Pass settings on."""
    return nn.Linear(width, width, **settings)


@pytest.mark.parametrize(
    ("built", "arguments"),
    [
        (stack(3), {"width": 3}),
        (stack(3, 4), {"width": 3, "depth": 4}),
        (stack(depth=4, width=3, bias=False), {"width": 3, "depth": 4, "bias": False}),
    ],
)
def test_a_call_is_remembered_by_name(built: nn.Module, arguments: dict[str, Any]) -> None:
    call = built_by(built)
    assert call == Call("stack", arguments)
    assert call is not None
    assert repr(stack(**call.arguments)) == repr(built)


def test_the_outermost_builder_counts() -> None:
    assert built_by(deep_stack(3)) == Call("deep_stack", {"width": 3})


def test_free_settings_are_arguments_like_others() -> None:
    assert built_by(free(3)) == Call("free", {"width": 3})
    assert built_by(free(3, bias=False)) == Call("free", {"width": 3, "bias": False})


def test_a_builder_looks_like_its_function() -> None:
    assert (stack.__name__, stack.__doc__) == ("stack", "Return linear layers.")


@builder
class Wide(nn.Linear):
    """A layer of one's own."""

    def __init__(self, width: int, *, bias: bool = True) -> None:
        super().__init__(width, 2 * width, bias=bias)


class Wider(Wide):
    """One made otherwise."""

    def __init__(self) -> None:
        super().__init__(8)


def test_a_class_stays_a_class_whose_objects_remember() -> None:
    built = Wide(3, bias=False)
    assert isinstance(built, Wide)
    assert built_by(built) == Call("Wide", {"width": 3, "bias": False})
    assert built_by(Wider()) is None
    for again in (copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
        recipe = recipe_of(again)
        assert recipe is not None
        assert recipe.function is Wide
    assert recipe_of(Wide(3)).defaults == {"bias": True}  # type: ignore[union-attr]
    with pytest.raises(TypeError, match=r"Wide: .*'width'"):
        Wide()  # type: ignore[call-arg]


def test_a_dataclass_remembers_by_its_fields() -> None:
    @dataclass
    class Format:
        classes: int
        _: KW_ONLY
        threshold: float = 0.5
        count: int = field(default=0, init=False)

    assert built_by(Format(3)) == Call("Format", {"classes": 3, "threshold": 0.5})
    format_ = TrackWise(5, 3, overflow="drop")
    call = built_by(format_)
    assert call is not None
    assert TrackWise(**call.arguments) == format_


def test_other_things_are_not_known() -> None:
    assert built_by(nn.Linear(3, 3)) is None
    assert built_by(3) is None


def test_arguments_without_a_name_are_refused() -> None:
    def many(*widths: int) -> nn.Module:
        return stack(max(widths))

    def first(width: int, /) -> nn.Module:
        return stack(width)

    for function in (many, first):
        with pytest.raises(TypeError, match="a builder's arguments must have names, got "):
            builder(function)


def test_arguments_are_remembered_as_they_were() -> None:
    @builder
    def popping(widths: list[int], scale: Any = None) -> nn.Module:
        return nn.Linear(widths.pop(), widths.pop())

    widths, scale = [3, 4], np.ones(2)
    built = popping(widths, scale)
    scale[:] = 7
    call = built_by(built)
    assert call is not None
    assert call.arguments["widths"] == [3, 4]
    assert call.arguments["scale"].tolist() == [1.0, 1.0]


def test_defaults_are_remembered_beside_the_call() -> None:
    recipe = recipe_of(stack(3))
    assert recipe is not None
    assert recipe.call == Call("stack", {"width": 3})
    assert recipe.defaults == {"depth": 2, "bias": True}
    assert recipe.function is stack
    recipe = recipe_of(free(3, bias=False))
    assert recipe is not None
    assert recipe.defaults == {}


@builder
def wrapped(inner: nn.Module, *, rate: float = 0.5) -> nn.Module:
    """Change the module that was given."""
    inner.rate = rate  # type: ignore[assignment]
    return inner


def test_the_call_of_an_argument_stands_in_its_place() -> None:
    built = wrapped(stack(3, depth=1))
    call = built_by(built)
    assert call is not None
    assert call.name == "wrapped"
    assert built_by(call.arguments["inner"]) == Call("stack", {"width": 3, "depth": 1})


def test_a_builder_may_return_a_dataclass_or_a_function() -> None:
    @builder
    def format(classes: int) -> TrackWise:
        return TrackWise(classes)

    @builder
    def step(by: int) -> Callable[[int], int]:
        return lambda x: x + by

    assert built_by(format(3)) == built_by(TrackWise(3))
    assert built_by(step(3)) == Call("step", {"by": 3})


def test_copies_and_pickles_remember() -> None:
    built = stack(3)
    for again in (copy.deepcopy(built), pickle.loads(pickle.dumps(built))):
        recipe = recipe_of(again)
        assert recipe is not None
        assert (recipe.call, recipe.function) == (Call("stack", {"width": 3}), stack)

    @builder
    def local(width: int) -> nn.Module:
        return nn.Linear(width, width)

    sent = recipe_of(pickle.loads(pickle.dumps(local(3))))
    assert sent is not None
    assert (sent.call, sent.function) == (Call("local", {"width": 3}), None)


@pytest.mark.messages
def test_wrong_arguments_name_the_builder() -> None:
    with pytest.raises(TypeError, match=r"stack: .*'width'"):
        stack()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="stack: got an unexpected keyword argument 'widht'"):
        stack(3, widht=3)  # type: ignore[call-arg]
