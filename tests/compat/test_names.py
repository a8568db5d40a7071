"""Wrappers, beginnings and wild names mean the same to every reader of published weights."""

import re
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.backbones import cnn14, yamnet
from seldkit.compat import dcase, ein_seld, panns, pseldnets
from seldkit.compat import yamnet as published_yamnet
from seldkit.compat._rules import Rule, count, to_ours, to_published

Reader = Callable[[Any], dict[str, Tensor]]
READERS: dict[str, Reader] = {
    "ein_seld": ein_seld.convert,
    "panns": panns.convert,
    "pseldnets": lambda state: pseldnets.convert(state, num_classes=1),
    "dcase": lambda state: dcase.convert(state, num_classes=1, num_tracks=1),
    "yamnet": published_yamnet.convert,
}
each_reader = pytest.mark.parametrize("convert", READERS.values(), ids=READERS)
KNOWN = {
    "ein_seld": "fc_sed_track1.bias",
    "panns": "fc1.bias",
    "pseldnets": "fc_sed_track1.bias",
    "dcase": "fnn_list.1.bias",
    "yamnet": "layer_with_weights-54/bias",
}
WRAPPINGS = [  # entries from the inside out, and what names begin with
    ([], "module."),
    (["model"], "net."),
    (["state_dict"], "net._orig_mod."),
    (["state_dict", "model"], "model."),
    (["model", "state_dict"], "module.model.net."),
    (["seld_model"], ""),
]
BEGINNINGS = ["module.", "net.", "model.", "_orig_mod.", "net._orig_mod.", "module.model.net."]


def names_of(state: Any, convert: Reader) -> tuple[list[str], list[str]]:
    """Return what an error lists as unknown and as missing; the missing by published name."""
    with pytest.raises(KeyError) as error:
        convert(state)
    unknown, missing = error.value.args[0].split("unknown: ")[1].split("; missing: ")
    return re.findall(r"'([^']*)'", unknown), re.findall(r"'([^' ]*) \(here [^']*\)'", missing)


@each_reader
def test_what_is_missing_makes_a_whole_state(convert: Reader) -> None:
    _, missing = names_of({}, convert)
    shapes = {name: (3,) * (4 if name.endswith("kernel") else 2) for name in missing}
    states = []
    for wrappers, beginning in WRAPPINGS:
        state: dict[str, Any] = {beginning + name: torch.zeros(shapes[name]) for name in missing}
        for name in wrappers:
            state = {name: state, "epoch": 3}
        states.append(convert(state))
    assert all(state.keys() == states[0].keys() for state in states)


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_one_tensor_under_two_names_is_an_error(name: str, beginning: str) -> None:
    known, zeros = KNOWN[name], torch.zeros(3)
    with pytest.raises(KeyError, match="must differ, got twice: .*" + re.escape(known)):
        READERS[name]({known: zeros, beginning + known: zeros})


@pytest.mark.messages
@each_reader
def test_weights_in_two_entries_are_an_error(convert: Reader) -> None:
    with pytest.raises(KeyError, match=r"in one entry, got \['model', 'state_dict'\]"):
        convert({"model": {}, "state_dict": {}})
    with pytest.raises(TypeError, match="weights must be a mapping from names, got list"):
        convert([])


WILD: list[Any] = [
    "fc_sed_track3000.weight",
    "fc_sed_track01.weight",
    "fc_sed_track\u0663.weight",
    "sed_conv_block4000.0.double_conv.0.weight",
    "doa_trans_track1.layers.9999.norm1.bias",
    "conv_block5000.conv1.weight",
    "conv_block_list.6000.conv.weight",
    "sed_convs.conv_block999999.conv1.weight",
    "encoder.layers.777.blocks.888.norm1.weight",
    "encoder.layers.0.blocks.4000.norm1.weight",
    "scalar.8000.weight",
    "mhsa_block_list.9000.in_proj_bias",
    "gru.weight_ih_l5000",
    "transformer_decoder.layers.3000.norm1.bias",
    "layer_with_weights-" + "9" * 5000 + "/bias",
    "fc_sed_track" + "9" * 5000 + ".bias",
    "." * 5000,
    "module." * 3000,
    "a/" * 3000,
    "",
    "\0\n",
    7,
    None,
    ("fc1", "bias"),
]


@pytest.mark.messages
@each_reader
@pytest.mark.parametrize("wild", WILD, ids=lambda name: repr(name)[:40])
def test_wild_names_are_unknown_and_cost_nothing(convert: Reader, wild: Any) -> None:
    start = process_time()
    with pytest.raises(KeyError, match="these are not the weights of"):
        convert({wild: torch.zeros(3)})
    assert process_time() - start < 5


@pytest.mark.messages
@settings(max_examples=20)
@given(st.dictionaries(st.text("01.9_abcdefghilnrstwy-/", max_size=30), st.none(), max_size=5))
def test_no_names_break_a_reader(state: dict[str, Any]) -> None:
    for name in ("ein_seld", "panns", "pseldnets", "dcase"):
        with pytest.raises(KeyError):
            READERS[name](state)


@pytest.mark.parametrize(
    ("numbers", "parts"),
    [([], 4), ([1, 2, 3], 3), ([1, 3], 3), ([1, 2, 3000], 2), ([3000], 4), ([0, 1], 1), ([2], 2)],
)
def test_numbers_tell_how_many_parts_there_are(numbers: list[int], parts: int) -> None:
    names = [f"track{number}.weight" for number in numbers]
    assert count(r"trackNUMBER\.", names, default=4, first=1) == parts


@given(st.integers(0, 9), st.integers(1, 9), st.sampled_from(["a", "b.c"]))
def test_rules_lead_there_and_back(block: int, track: int, table: str) -> None:
    fields: dict[str, Any] = {"t": {"a": "b.c", "b.c": "a"}, "track": -1, "block": 2, "rest": ".+"}
    rules = [Rule("x.{t}.{track}.y{block}.{rest}", "{t}_{block}[{track}].{rest}", **fields)]
    name = f"x.{table}.{track}.y{block}.weight.z"
    ours = to_ours(rules, name)
    assert ours == f"{fields['t'][table]}_{block + 2}[{track - 1}].weight.z"
    assert to_published(rules, ours) == name
    assert to_ours(rules, name.replace(f"y{block}", f"y0{block}")) is None


def test_published_networks_have_names_of_their_own() -> None:
    with torch.device("meta"):
        sizes = cnn14().state_dict().keys(), yamnet().state_dict().keys()
    assert len(names_of({}, panns.convert)[1]) == len(sizes[0])
    counted = [name for name in sizes[1] if not name.endswith("num_batches_tracked")]
    assert len(names_of({}, published_yamnet.convert)[1]) == len(counted)
