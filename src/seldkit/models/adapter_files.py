"""Small files of what an adapted network learned, for the large network that they were made for."""

import hashlib
import json
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from seldkit._builders import built_by
from seldkit._checks import check_choice
from seldkit._files import check_written, replacing, version
from seldkit.models.adapting import Adaptation, adaptation_of, strip, with_adapters, with_lora

LAYOUT = 1
_MAKERS: dict[str, Callable[..., nn.Module]] = {"adapters": with_adapters, "lora": with_lora}


def save_adapters(network: nn.Module, path: str | PathLike[str]) -> None:
    """Save alone what an adapted network learns: adapters or LoRA, and what was trained besides.

    The file is one of safetensors, with the settings of the adapters, the name of the network's
    builder, and a checksum of all weights that stay as they are.

    Args:
        network: A network that was given to [`with_adapters`][seldkit.models.with_adapters] or
            [`with_lora`][seldkit.models.with_lora].
        path: Where to; a file that is there is replaced, at once and whole.

    Raises:
        ValueError: If the network has neither adapters nor LoRA, or parameters that they leave
            frozen have been given gradients.
    """
    from safetensors.torch import save_file

    adaptation = adaptation_of(network)
    if adaptation is None:
        raise ValueError("network must have adapters or LoRA, got one with neither")
    trained = {name for name, p in network.named_parameters() if p.requires_grad}
    thawed = sorted(trained & adaptation.frozen)
    if thawed:
        raise ValueError(f"also must name all that is trained besides, but not in it are {thawed}")
    learned = _learned(network, adaptation)
    state = network.state_dict()
    tensors = {name: state[name].contiguous().cpu().clone() for name in sorted(learned)}
    call = built_by(adaptation.recipe)
    note = {
        "layout": LAYOUT,
        "seldkit": version(),
        "kind": adaptation.kind,
        "settings": adaptation.settings,
        "builder": call and call.name,
        "frozen": _checksum({name: x for name, x in state.items() if name not in learned}),
    }
    note["whole"] = _checksum(tensors, note)
    with replacing(Path(path)) as draft:
        save_file(tensors, draft, metadata={"seldkit": json.dumps(note)})


def load_adapters(
    network: nn.Module, path: str | PathLike[str], *, base: Literal["same", "any"] = "same"
) -> nn.Module:
    """Load what [`save_adapters`][seldkit.models.save_adapters] wrote onto the network it is for.

    The network itself is changed and returned. Nothing is changed where the file does not fit.

    Args:
        network: A network with the weights that the adapters were trained on, such as published
            ones. It is plain, or has adapters of the same settings, which get new weights.
        path: The file.
        base: `"same"` compares every weight that was frozen, bit by bit, so weights in another
            precision are others; `"any"` takes the adapters onto other weights of the same shapes,
            which may or may not make sense.

    Returns:
        The network, with gradients for what the file holds alone.

    Raises:
        ValueError: If the file is none of adapters, is of another layout, does not fit the names
            and shapes of the network, or was made for other weights.

    Examples:
        >>> from copy import deepcopy
        >>> from tempfile import mkdtemp
        >>> network, path = nn.Linear(4, 2), Path(mkdtemp()) / "room.safetensors"
        >>> adapted = with_lora(deepcopy(network), rank=2)
        >>> with torch.no_grad():
        ...     up = adapted.lora_up.normal_()
        >>> save_adapters(adapted, path)
        >>> x = torch.ones(1, 4)
        >>> bool((load_adapters(network, path)(x) == adapted(x)).all())
        True
    """
    check_choice("base", base, ("same", "any"))
    note, tensors = _read(Path(path))
    state, adaptation = network.state_dict(), adaptation_of(network)
    if adaptation is not None and (adaptation.kind, adaptation.settings) != (
        note["kind"],
        note["settings"],
    ):
        raise ValueError(
            f"network must be plain or have {note['kind']} with {note['settings']}, got"
            f" {adaptation.kind} with {adaptation.settings}"
        )
    frozen = {name: x for name, x in state.items() if name not in tensors}
    if adaptation is not None:
        frozen = {n: x for n, x in frozen.items() if n not in _learned(network, adaptation)}
    if base == "same" and _checksum(frozen) != note["frozen"]:
        raise ValueError(
            f"network must have the weights that {path} was trained on, made by"
            f" {note['builder']}, got others; base='any' takes other weights of the same shapes"
        )
    if adaptation is None:
        try:
            _MAKERS[note["kind"]](network, **note["settings"])
        except ValueError as error:
            raise ValueError(f"{path} does not fit the network: {error}") from error
    current = network.state_dict()
    made = adaptation_of(network)
    assert made is not None  # it had one, or has been given one
    names = _learned(network, made)
    shapes = {name: tuple(current[name].shape) for name in names}
    wrong = sorted(
        name
        for name in shapes.keys() | tensors.keys()
        if name not in shapes or name not in tensors or tensors[name].shape != shapes[name]
    )
    if wrong:
        if adaptation is None:
            strip(network)
        raise ValueError(f"{path} does not fit the network in {wrong}")
    with torch.no_grad():
        for name, tensor in tensors.items():
            current[name].copy_(tensor)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in tensors)
    return network


def _learned(network: nn.Module, adaptation: Adaptation) -> set[str]:
    """Return the names of what training changes: parameters, and statistics that follow data."""
    learned = {name for name, _ in network.named_parameters()} - adaptation.frozen
    if adaptation.settings["batch_norms"] == "statistics":
        for prefix, module in network.named_modules():
            if isinstance(module, _BatchNorm):
                learned |= {f"{prefix}.{name}".lstrip(".") for name, _ in module.named_buffers()}
    return learned


def _checksum(tensors: Mapping[str, Tensor], note: Mapping[str, Any] | None = None) -> str:
    """Return a number that tells names, shapes, kinds and bits of tensors, and a note on them."""
    total = hashlib.sha256(json.dumps(note).encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        total.update(
            tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        )
    return total.hexdigest()


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what a file says of itself, and its tensors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads((file.metadata() or {}).get("seldkit", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, ValueError) as error:
        raise ValueError(f"{path} is no whole file of safetensors: {error}") from error
    if not isinstance(note, dict) or not note.keys() >= {"layout", "whole"}:
        raise ValueError(f"{path} holds no adapters that save_adapters wrote")
    whole = note.pop("whole")
    check_written(
        path, layout=note["layout"], reads=LAYOUT, whole=whole == _checksum(tensors, note)
    )
    return note, tensors
