"""From an audio file to events: features, network and output format in one object."""

from seldkit._builders import builder
from seldkit.pipeline.checks import OutputFormat
from seldkit.pipeline.event_stream import EventStream
from seldkit.pipeline.many import predict_files
from seldkit.pipeline.pipeline import Pipeline

__all__ = ["EventStream", "OutputFormat", "Pipeline", "builder", "predict_files"]
