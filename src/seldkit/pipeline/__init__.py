"""From an audio file to events: features, network and output format in one object."""

from seldkit._builders import builder
from seldkit.pipeline.checks import OutputFormat
from seldkit.pipeline.many import predict_files
from seldkit.pipeline.naming import NamedSpan, NamedStretch, name_recording, name_spans
from seldkit.pipeline.pipeline import Pipeline

__all__ = [
    "NamedSpan",
    "NamedStretch",
    "OutputFormat",
    "Pipeline",
    "builder",
    "name_recording",
    "name_spans",
    "predict_files",
]
