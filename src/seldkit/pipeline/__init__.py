"""From an audio file to events: features, network and output format in one object."""

from seldkit._builders import builder
from seldkit.pipeline.checks import OutputFormat
from seldkit.pipeline.cost import Cost, measure_cost
from seldkit.pipeline.event_stream import EventStream
from seldkit.pipeline.export import compare_onnx, export_onnx, for_export
from seldkit.pipeline.many import predict_files
from seldkit.pipeline.naming import NamedSpan, NamedStretch, name_recording, name_spans
from seldkit.pipeline.pipeline import Pipeline

__all__ = [
    "Cost",
    "EventStream",
    "NamedSpan",
    "NamedStretch",
    "OutputFormat",
    "Pipeline",
    "builder",
    "compare_onnx",
    "export_onnx",
    "for_export",
    "measure_cost",
    "name_recording",
    "name_spans",
    "predict_files",
]
