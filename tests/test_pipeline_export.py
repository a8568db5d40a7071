"""A pipeline as one graph: what goes in and comes out, for any run time."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from seldkit import Pipeline, SELDOutput, features, formats, models
from seldkit.pipeline import compare_onnx, export_onnx, for_export
from seldkit.pipeline.quantizing import quantized


def pipeline(*, standardized: bool = True) -> Pipeline:
    """Return a small system of two branches."""
    extractor = features.presets.ein_seld(num_mels=16)
    noise = 0.1 * torch.randn(1, 4, 24000)
    standardize = features.Standardize(7, 16).fit([extractor(noise)]) if standardized else None
    network = models.einv2(
        3, num_tracks=1, widths=(4, 8), pool_time=(2, 2), pool_freq=(4, 4), temporal="none"
    )
    return Pipeline(
        extractor,
        network,
        formats.TrackWise(3, 1),
        standardize=standardize,
        window_s=1.0,
        classes=["a", "b", "c"],
    )


@pytest.mark.transforms  # spectra are pairs of real numbers here
@pytest.mark.parametrize("standardized", [True, False])
def test_it_computes_what_the_pipeline_does(standardized: bool) -> None:
    system = pipeline(standardized=standardized).bfloat16()
    network, waveform = for_export(system), 0.1 * torch.randn(2, 4, 24000)
    assert {x.dtype for x in network.parameters()} == {torch.float32}
    assert {x.dtype for x in system.model.parameters()} == {torch.bfloat16}, "a copy"
    with torch.no_grad():
        for found, wanted in zip(network(waveform), system.float().eval()(waveform), strict=True):
            if found is not None:
                torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.transforms
def test_torch_export_takes_it_for_any_batch_and_length() -> None:
    network = for_export(pipeline())
    sizes = {"waveform": {0: Dim.DYNAMIC, 2: Dim.DYNAMIC}}
    program = torch.export.export(network, (torch.randn(2, 4, 24000),), dynamic_shapes=sizes)
    for batch, samples in ((1, 24000), (3, 50000)):
        waveform = 0.1 * torch.randn(batch, 4, samples)
        found, wanted = program.module()(waveform), network(waveform)
        assert isinstance(found, SELDOutput)
        torch.testing.assert_close(found.activity, wanted.activity)
        torch.testing.assert_close(found.direction, wanted.direction)


@pytest.mark.transforms
def test_onnx_holds_what_is_needed_to_use_it(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    system, path = pipeline(), tmp_path / "system.onnx"
    export_onnx(system, path)
    assert [x.name for x in tmp_path.iterdir()] == ["system.onnx"]
    model = onnx.load(path)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["classes"] == '["a", "b", "c"]'
    assert (told["sample_rate"], told["label_rate"], told["window_s"]) == ("24000", "10", "1")
    assert told["format"].startswith("TrackWise(num_classes=3, ")
    axes = {
        x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
        for x in (*model.graph.input, *model.graph.output)
    }
    assert axes == {
        "waveform": ["batch", 4, "sample"],
        "activity": ["batch", "time", 1, 3],
        "direction": ["batch", "time", 1, 3],
    }
    for waveform in (None, 0.1 * torch.randn(1, 4, 60000)):
        changes = compare_onnx(path, system, waveform)
        assert list(changes) == ["activity", "direction"]
        assert max(changes.values()) < 1e-5
    other = Pipeline(system.extractor, Bins(), formats.ACCDOA(3), window_s=1.0)
    with pytest.raises(ValueError, match=r"must have the outputs \['output'\], got \['activity'"):
        compare_onnx(path, other)


@pytest.mark.transforms
def test_an_output_that_is_one_tensor_is_named_so(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    extractor = features.presets.ein_seld(num_mels=16)
    system = Pipeline(extractor, Bins(), formats.ACCDOA(3), window_s=1.0)
    path = tmp_path / "system.onnx"
    export_onnx(system, path, optimize=False)
    for batch, samples in ((2, 24000), (1, 20000), (3, 30000)):
        changes = compare_onnx(path, system, 0.1 * torch.randn(batch, 4, samples))
        assert list(changes) == ["output"]
        assert changes["output"] < 1e-4


class Bins(nn.Module):
    """A network without a linear layer: some bins as they are."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return vectors."""
        return maps[:, :3, ::4, :3].permute(0, 2, 3, 1)


@pytest.mark.messages
def test_messages(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    system = pipeline()
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        export_onnx(system, tmp_path / "gone" / "system.onnx")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        compare_onnx(tmp_path / "system.onnx", system)


@pytest.mark.messages
def test_what_cannot_be_exported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "system.onnx"
    salsa = Pipeline(features.presets.salsa_foa(), Bins(), formats.ACCDOA(3), window_s=1.0)
    with pytest.raises(ValueError, match=r"as SALSA does with noise_ratio=1\.5; noise_"):
        export_onnx(salsa, path)

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("a page of text")

    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(ValueError, match="StitchedSELD cannot be exported to ONNX: RuntimeError"):
        export_onnx(pipeline(), path)
    assert not list(tmp_path.iterdir())
    nothing = onnx.helper.make_graph([], "nothing", [], [])
    with pytest.raises(ValueError, match="int8 needs a network with linear layers, got none"):
        quantized(onnx.helper.make_model(nothing), "network")
