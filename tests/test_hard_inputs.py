"""Silence, clipping, nan and next to nothing through every block; none can be forgotten."""

import inspect
from collections.abc import Iterator

import pytest
from torch import nn

from hard import networks_table, outputs_table, sounds_table
from hard.blocks import Block
from hard.trying import show_nan, stay_finite, take_short
from house import public_objects
from networks import NETWORKS

TABLES: dict[str, dict[str, Block]] = {
    "layers": networks_table.LAYERS,
    "heads": networks_table.HEADS,
    "models": networks_table.MODELS,
    "networks": networks_table.NETS,
    "features": sounds_table.FEATURES,
    "augment": sounds_table.AUGMENT,
    "": sounds_table.FIELDS | outputs_table.VECTORS,
    "losses": outputs_table.LOSSES,
    "formats": outputs_table.FORMATS,
    "postprocess": outputs_table.POSTPROCESS,
    "calibration": outputs_table.CALIBRATION,
}
OTHERS = {
    "makes or mends other modules": [
        "heads.set_prior",
        "layers.step_size",
        "layers.temporal_encoder",
        "models.load_adapters",
        "models.merge",
        "models.save_adapters",
        "models.transplant",
        "models.with_adapters",
        "models.with_lora",
    ],
    "runs a module or a loss that is here": [
        "features.FeatureStream",
        "layers.StreamingStep",
        "layers.stream_step",
        "calibration.search_thresholds",
    ],
    "holds, says or counts what is no sound": [
        "augment.channel_swaps",
        "features.ChannelSwap",
        "features.PairSelection",
        "features.RealSpectrum",
        "formats.Dropped",
        "losses.delay_classes",
        "models.lam_points",
        "models.proposed_output",
    ],
}
"""Public names that take no sound, and nothing that is made of it, by the reason."""
BLOCKS = {
    f"{room}.{name}".removeprefix("."): block
    for room, table in TABLES.items()
    for name, block in table.items()
}
each_block = pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)


@each_block
def test_sounds_stay_finite(block: Block) -> None:
    stay_finite(block)


@pytest.mark.messages
@each_block
def test_nan_shows_and_stays_in_its_item(block: Block) -> None:
    show_nan(block)


@pytest.mark.messages
@each_block
def test_short_inputs_are_taken_or_refused(block: Block) -> None:
    take_short(block)


def plain(name: str) -> str:
    """Return what a function and its module or step have in common."""
    return name.lower().replace("_", "")


def tried() -> Iterator[str]:
    """Yield the names of all blocks, and of what they are made of."""
    for block in BLOCKS.values():
        made = block.make()
        modules = made.modules() if isinstance(made, nn.Module) else ()
        yield from (plain(kind.__name__) for module in modules for kind in type(module).__mro__)
    yield from (plain(part) for name in [*BLOCKS, *NETWORKS] for part in name.split("."))


@pytest.mark.transforms  # checked at run time, everything is wrapped
def test_nothing_is_forgotten() -> None:
    found = set(tried())
    missing = []
    for path, thing in public_objects().items():
        _, room, *_, name = path.split(".")
        data = inspect.isclass(thing) and (
            issubclass(thing, tuple) or getattr(thing, "_is_protocol", False)
        )
        if room in TABLES and callable(thing) and not data and plain(name) not in found:
            missing.append(f"{room}.{name}")
    assert sorted(missing) == sorted(name for names in OTHERS.values() for name in names)
