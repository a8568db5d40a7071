"""Builders remember their calls."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import pytest
from torch import nn

from seldkit._builders import Call, builder, built_by
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
