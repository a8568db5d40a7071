"""Builders and layers take plain numbers alone, whatever the argument."""

import inspect
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from networks import Network, each_network
from seldkit import backbones, heads, layers, models
from seldkit._settings import plain_settings
from seldkit.pipeline.known import known_builders
from seldkit.pipeline.loading import build
from seldkit.pipeline.plain import call_to_plain

BUILDERS = [
    getattr(room, name)
    for room in (models, backbones)
    for name in room.__all__
    if name.islower() and hasattr(getattr(room, name), "__wrapped__")
]
CLASSES = [
    getattr(room, name)
    for room in (layers, heads)
    for name in room.__all__
    if hasattr(getattr(getattr(room, name), "__init__", None), "__wrapped__")
]


def settings_of(thing: Any, kind: str) -> list[str]:
    """Return the names of the arguments that are annotated as some kind of number."""
    parameters = inspect.signature(thing).parameters.values()
    return [
        p.name
        for p in parameters
        if kind in str(getattr(p.annotation, "__name__", "")) + str(p.annotation)
    ]


def required(thing: Any) -> dict[str, Any]:
    """Return a number or a part for each argument that must be given."""
    parts: dict[str, Callable[[], Any]] = {
        "encoder": lambda: backbones.crnn(widths=(8,), pool_time=(2,), pool_freq=(2,)),
        "network": lambda: nn.TransformerEncoderLayer(8, 2),
        "rate": lambda: layers.LabelRate(2, 2),
        "context": lambda: (8, 3),
        "attention": torch.nn.Identity,
    }
    return {
        name: parts[name]() if name in parts else 8
        for name, p in inspect.signature(thing).parameters.items()
        if p.default is p.empty
    }


COUNTS = [(thing, name) for thing in [*BUILDERS, *CLASSES] for name in settings_of(thing, "int")]
NUMBERS = [(thing, name) for thing in [*BUILDERS, *CLASSES] for name in settings_of(thing, "float")]
ids = lambda pair: f"{pair[0].__name__}-{pair[1]}"  # noqa: E731


@pytest.mark.messages
@pytest.mark.parametrize("pair", COUNTS, ids=ids)
def test_counts_are_whole_numbers(pair: tuple[Any, str]) -> None:
    thing, name = pair
    for wrong in (True, 1.5, "8", float("nan"), [True], (1.5,), [None], -1, [-1]):
        with pytest.raises((TypeError, ValueError), match=name):
            thing(**required(thing) | {name: wrong})


@pytest.mark.messages
@pytest.mark.parametrize("pair", NUMBERS, ids=ids)
def test_numbers_are_finite_and_rates_below_one(pair: tuple[Any, str]) -> None:
    thing, name = pair
    wrong: list[Any] = [True, "0.1", float("nan"), float("inf"), [0.1]]
    if name.endswith(("dropout", "drop_path", "rate")):
        wrong += [1, 1.0, -0.1, np.float32(1.5)]
    for value in wrong:
        with pytest.raises((TypeError, ValueError), match=name):
            thing(**required(thing) | {name: value})


def as_numpy(value: Any) -> Any:
    """Return numbers as NumPy has them."""
    if isinstance(value, bool | str) or value is None or callable(value):
        return value
    if isinstance(value, int):
        return np.int64(value)
    if isinstance(value, float):
        return np.float64(value)
    return [as_numpy(entry) for entry in value]


@pytest.mark.messages  # NumPy's numbers are not what the annotations say
@each_network
def test_numbers_of_numpy_build_the_same(network: Network) -> None:
    made: Any = network.build
    torch.manual_seed(0)
    plain = made()
    given = {name: as_numpy(value) for name, value in made.keywords.items()}
    torch.manual_seed(0)
    same = made.func(*map(as_numpy, made.args), **given)
    assert same.state_dict().keys() == plain.state_dict().keys()
    features = torch.zeros(2, network.channels, network.frames, network.bins)
    for x, y in zip(same.eval()(features), plain.eval()(features), strict=True):
        torch.testing.assert_close(x, y)


@each_network
def test_every_network_is_built_again_from_its_call_as_json(network: Network) -> None:
    module, known = network.build(), known_builders()
    call = json.dumps(call_to_plain("model", module, known, {}))
    assert build(json.loads(call), known, known).state_dict().keys() == module.state_dict().keys()


@pytest.mark.messages
def test_messages() -> None:
    @plain_settings(from_zero=["more"])
    def network(width: int, *, more: int = 0, sizes: Any = (), dropout: float | None = None) -> Any:
        return width, more, dropout

    three: Any = np.int32(3)
    assert network(three, dropout=None) == (3, 0, None)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        network(0)
    with pytest.raises(ValueError, match="more must be at least 0, got -1"):
        network(1, more=-1)
    with pytest.raises(TypeError, match=r"more must be an integer, got 0\.5"):
        network(1, more=0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got nan"):
        network(1, dropout=float("nan"))
    with pytest.raises(TypeError, match="widths must be a list of integers, got 8"):
        models.einv2(3, widths=8)  # type: ignore[arg-type]
