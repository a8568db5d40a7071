"""What every module must bear: to be compiled whole, and to be exported."""

from typing import Any

import torch
from torch import nn


def assert_compiles_and_exports(module: nn.Module, *inputs: Any) -> None:
    """Compile a module in one graph, export it, and compare both with the module itself."""
    wanted = module(*inputs)
    torch.compiler.reset()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*inputs), wanted)
    exported = torch.export.export(module, inputs).module()
    torch.testing.assert_close(exported(*inputs), wanted)
