"""Linear layers of an ONNX graph with weights of 8 bits."""

import tempfile
from pathlib import Path
from typing import Any

from seldkit._checks import require

LINEAR = ("MatMul", "Gemm")
SCOPES = "pkg.torch.onnx.name_scopes"
"""Where the exporter tells in which modules a node came about."""


def quantized(model: Any, scope: str) -> Any:
    """Return an ONNX model whose linear layers hold and multiply integers of 8 bits.

    A weight has a scale for each output; what it is multiplied with gets one in each call.

    Args:
        model: The model.
        scope: Name of the module in which layers are changed.

    Raises:
        ModuleNotFoundError: If ONNX Runtime is not installed.
        ValueError: If there is no linear layer in the module.
    """
    onnx = require("onnx", "onnx")
    tools = require("onnxruntime.quantization", "onnx")
    nodes = [node for node in model.graph.node if node.op_type in LINEAR]
    inside = [node for node in nodes if _is_in(node, scope)]
    constants = {constant.name for constant in model.graph.initializer}
    if all(constants.isdisjoint(node.input[:2]) for node in inside):
        raise ValueError("int8 needs a network with linear layers, got none")
    # Said, because a hint to do what the exporter has done would be printed otherwise.
    require("onnxruntime.quantization.quant_utils", "onnx").add_pre_process_metadata(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "int8.onnx"
        tools.quantize_dynamic(
            model,
            path,
            op_types_to_quantize=list(LINEAR),
            nodes_to_exclude=[node.name for node in nodes if not _is_in(node, scope)],
            per_channel=True,
            weight_type=tools.QuantType.QInt8,
        )
        return onnx.load(path)


def _is_in(node: Any, scope: str) -> bool:
    return any(entry.key == SCOPES and repr(scope) in entry.value for entry in node.metadata_props)
