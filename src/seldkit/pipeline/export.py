"""A pipeline as one graph from waveform to output, for ONNX Runtime and other run times."""

import copy
import json
import warnings
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_shape, require, shortest
from seldkit._files import result, version
from seldkit._typing import Float
from seldkit.features import SALSA, FeatureExtractor, Standardize
from seldkit.outputs import SELDOutput
from seldkit.pipeline.frames import CLIP_S, tensors
from seldkit.pipeline.pipeline import Pipeline
from seldkit.pipeline.quantizing import quantized


def for_export(pipeline: Pipeline) -> nn.Module:
    """Return the way from waveform to output as a module of its own, without complex numbers.

    It holds a copy of extractor, standardisation and network, in float32 and in evaluation mode,
    and returns what the network does, before `postprocess` and the format. `torch.export`, ONNX and
    other compilers take it whole. In networks with attention `torch.export` may fix the length to
    that of the clips it is shown; show it two, or it fixes their number, too. How features are made
    tells [`FeatureExtractor.for_export`][seldkit.features.FeatureExtractor.for_export].

    Shape:
        - Input: `(batch, channel, sample)`.
        - Output: a `SELDOutput` or the tensor of an ACCDOA format, `batch time ...`.

    Examples:
        >>> from seldkit import features, formats, models
        >>> extractor = features.presets.ein_seld(num_mels=32)
        >>> model = models.einv2(5, widths=(8, 8), pool_time=(2, 2), pool_freq=(4, 4))
        >>> network = for_export(Pipeline(extractor, model, formats.TrackWise(5)))
        >>> network(torch.zeros(1, 4, 24000)).activity.shape
        torch.Size([1, 10, 2, 5])
    """
    own = copy.deepcopy(pipeline).float().eval()
    return WaveformNetwork(own.extractor.for_export(), own.standardize, own.model).eval()


class WaveformNetwork(nn.Module):
    """Extractor, standardisation and network, one after the other.

    Args:
        extractor: Makes features of a waveform.
        standardize: Acts on the features, if there is such.
        model: Makes the output of them.
    """

    def __init__(
        self, extractor: FeatureExtractor, standardize: Standardize | None, model: nn.Module
    ) -> None:
        super().__init__()
        self.extractor, self.standardize, self.model = extractor, standardize, model

    def forward(self, waveform: Float[Tensor, "batch channel sample"]) -> SELDOutput | Tensor:
        """Return the network's output."""
        features = self.extractor(waveform)
        if self.standardize is not None:
            features = self.standardize(features)
        output: SELDOutput | Tensor = self.model(features)
        return output


class Tensors(nn.Module):
    """Returns the tensors of a network's output one by one, without those that it lacks.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: Float[Tensor, "batch channel sample"]) -> tuple[Tensor, ...]:
        """Return activity, direction, and the distance if there is one; or one tensor."""
        return tuple(tensors(self.network(waveform)))


def export_onnx(
    pipeline: Pipeline, path: str | PathLike[str], *, int8: bool = False, optimize: bool = True
) -> None:
    """Write a pipeline as one ONNX file: waveform in, the network's output out, features included.

    The input is `waveform`, `(batch, channel, sample)` at the rate of the extractor, with any
    number of clips and samples. Outputs are `activity` (logits), `direction` and, where there is
    one, `distance`, or `output` of an ACCDOA format: what
    [`Pipeline.scan`][seldkit.pipeline.Pipeline.scan] returns of one window, which the format
    decodes. The file says beside it what is needed to use it: `sample_rate`, `label_rate`,
    `window_s`, `hop_s`, `classes` and `format`, among its metadata.

    Needs the extra `onnx`, no network and no GPU.

    Args:
        pipeline: The pipeline.
        path: File to write, such as `"system.onnx"`; its folder must exist.
        int8: Hold the weights of linear layers as integers of 8 bits, with a scale for each output,
            and multiply their inputs as such, rounded anew for each call. Convolutions, recurrent
            layers and features stay as they are. What it changes tells
            [`compare_onnx`][seldkit.pipeline.compare_onnx].
        optimize: Fold constants and take out what does nothing, which may take as long as the rest.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ModuleNotFoundError: If the extra is not installed.
        ValueError: If features or network cannot be exported, such as SALSA with a noise floor, or
            there is no linear layer for `int8`.
    """
    require("onnxscript", "onnx")
    for part in pipeline.extractor.parts:
        if isinstance(part, SALSA) and part.noise_ratio is not None:
            raise ValueError(
                "features must not need a loop over frames to be exported, as SALSA does with"
                f" noise_ratio={part.noise_ratio}; noise_ratio=None needs none"
            )
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}")
    network, example = for_export(pipeline), _example(pipeline)
    with torch.no_grad():
        names = _names(network(example))
    program = _graph(network, example, names, optimize=optimize or int8)
    model = program.model_proto
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = "time"
    for key, value in _metadata(pipeline).items():
        model.metadata_props.add(key=key, value=value)
    content = (quantized(model, "network.model") if int8 else model).SerializeToString()
    with result(path) as draft:
        draft.write_bytes(content)


def compare_onnx(
    path: str | PathLike[str],
    pipeline: Pipeline,
    waveform: Float[Tensor, "batch channel sample"] | None = None,
) -> dict[str, float]:
    """Return by how much each output of an exported file differs from the pipeline's, at most.

    Activities are compared as probabilities, all else as it is. A file of float32 differs by
    rounding, about 1e-6; one of `int8` by what the integers cost.

    Args:
        path: A file that [`export_onnx`][seldkit.pipeline.export_onnx] wrote of this pipeline.
        pipeline: The pipeline.
        waveform: What to compare them on: best recordings of the kind they are for. Default: a
            window of noise.

    Raises:
        FileNotFoundError: If there is no such file.
        ModuleNotFoundError: If the extra `onnx` is not installed.
        ValueError: If the waveform has other axes, the file is damaged, or its inputs and outputs
            are not those of the pipeline.
    """
    runtime = require("onnxruntime", "onnx")
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    given = _example(pipeline) if waveform is None else waveform.float()
    check_shape("waveform", given, "batch channel sample", channel=pipeline.extractor.in_channels)
    with torch.inference_mode():
        output = for_export(pipeline)(given)
    wanted = dict(zip(_names(output), tensors(output), strict=True))
    try:
        session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # of kinds of its own
        raise ValueError(f"{path} is no ONNX file, or is damaged: {error}") from error
    found = {x.name: None for x in session.get_outputs()}
    if found.keys() != wanted.keys():
        raise ValueError(f"{path} must have the outputs {[*wanted]}, got {[*found]}")
    try:
        values = session.run([*wanted], {"waveform": given.numpy()})
    except Exception as error:
        raise ValueError(f"{path} cannot be run on the waveform: {error}") from error
    return {
        name: (_probability(name, torch.from_numpy(value)) - _probability(name, x))
        .abs()
        .max()
        .item()
        for value, (name, x) in zip(values, wanted.items(), strict=True)
    }


def _graph(network: nn.Module, example: Tensor, names: list[str], *, optimize: bool) -> Any:
    """Return the ONNX program of a network, or raise `ValueError` if there is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of the exporter, about itself
        try:
            program = torch.onnx.export(
                Tensors(network).eval(),
                (example,),
                dynamic_shapes={"waveform": {0: "batch", 2: "sample"}},
                input_names=["waveform"],
                output_names=names,
                dynamo=True,
                optimize=optimize,
                verbose=False,
            )
        except Exception as error:  # of many kinds, with a page of text
            parts = ", ".join(type(part).__name__ for part in network.children())
            raise ValueError(
                f"{parts} cannot be exported to ONNX: {type(error).__name__}, see its cause"
            ) from error
    return program


def _example(pipeline: Pipeline) -> Tensor:
    """Return two clips of noise, as long as a window."""
    size = (
        2,
        pipeline.extractor.in_channels,
        round((pipeline.window_s or CLIP_S) * pipeline.extractor.sample_rate),
    )
    return 0.1 * torch.randn(size, generator=torch.Generator().manual_seed(0))


def _names(output: SELDOutput | Tensor) -> list[str]:
    if isinstance(output, Tensor):
        return ["output"]
    return [name for name, x in output._asdict().items() if x is not None]


def _probability(name: str, x: Tensor) -> Tensor:
    return x.sigmoid() if name == "activity" else x


def _metadata(pipeline: Pipeline) -> dict[str, str]:
    return {
        "seldkit": version(),
        "sample_rate": str(pipeline.extractor.sample_rate),
        "label_rate": shortest(pipeline.label_rate),
        "window_s": _seconds(pipeline.window_s),
        "hop_s": _seconds(pipeline.hop_s),
        "classes": json.dumps(pipeline.classes),
        "format": repr(pipeline.format),
    }


def _seconds(length_s: float | None) -> str:
    return "none" if length_s is None else shortest(length_s)
