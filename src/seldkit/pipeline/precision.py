"""Half precision for the network, and float32 or better for what comes before and after."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

HALF = (torch.float16, torch.bfloat16)


def steady(x: Tensor) -> Tensor:
    """Return an output in a precision in which it can be decoded."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def floats_of(model: nn.Module) -> Tensor | None:
    """Return a parameter of a network that has its precision, or None if it has no such."""
    return next((p for p in model.parameters() if p.is_floating_point()), None)


def as_features(features: Tensor, model: nn.Module) -> Tensor:
    """Return features in the precision and on the device of a network."""
    like = floats_of(model)
    return features if like is None else features.to(like)


def as_waveform(waveform: Tensor, model: nn.Module) -> Tensor:
    """Return a waveform where a network is, in its precision or in float32."""
    like = floats_of(model)
    if like is None:
        return waveform.to(torch.promote_types(waveform.dtype, torch.float32))
    return waveform.to(like.device, torch.promote_types(like.dtype, torch.float32))


@contextmanager
def precise(*parts: nn.Module | None) -> Iterator[None]:
    """Undo what a cast to half precision does to the tensors of some modules meanwhile."""
    modules = [module for part in parts if part is not None for module in part.modules()]
    asked = [vars(module).get("dtype") for module in modules]  # of what they return
    kept = [
        (registry, name, tensor.data)
        for module in modules
        for registry in (module._parameters, module._buffers)
        for name, tensor in registry.items()
        if tensor is not None
    ]
    yield
    for module, dtype in zip(modules, asked, strict=True):
        if vars(module).get("dtype") in HALF:
            vars(module)["dtype"] = dtype
    for registry, name, before in kept:
        tensor = registry[name]
        if tensor is not None and tensor.dtype in HALF:
            tensor.data = before.to(tensor.device)
