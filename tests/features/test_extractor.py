"""One transform, any parts: what an extractor promises."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit.features import (
    STFT,
    FeatureExtractor,
    IntensityVector,
    LogMel,
    MelFilterBank,
    Part,
    PartStream,
    presets,
)

PRESETS = [presets.ein_seld, presets.dcase2023_foa]
each_preset = pytest.mark.parametrize("preset", PRESETS)
every_name = pytest.mark.parametrize("name", presets.__all__)
Preset = Callable[[], FeatureExtractor]


class Magnitude(Part):
    """A part of a user's own."""

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the magnitude of each bin."""
        return spectrum.abs()


def test_parts_follow_one_another() -> None:
    stft = STFT(n_fft=64, hop_length=32, sample_rate=16000)
    mel = MelFilterBank(8, n_fft=64, sample_rate=16000)
    parts: list[Part] = [IntensityVector(mel), LogMel(mel)]
    extractor = FeatureExtractor(stft, parts)
    waveform = torch.randn(2, 4, 320)
    spectrum = stft(waveform)
    features = extractor(waveform)
    torch.testing.assert_close(features[:, :3], parts[0](spectrum))
    torch.testing.assert_close(features[:, 3:], parts[1](spectrum))
    assert features.shape == (2, extractor.num_channels, 11, extractor.num_bins)
    assert (extractor.num_channels, extractor.num_bins) == (7, 8)
    assert (extractor.sample_rate, extractor.frame_rate) == (16000, 500.0)


def test_a_part_of_ones_own_in_linear_bins() -> None:
    part = Magnitude()
    extractor = FeatureExtractor(STFT(n_fft=64, hop_length=32), [part], in_channels=2)
    features = extractor(torch.randn(1, 2, 320))
    assert features.shape == (1, extractor.num_channels, 11, extractor.num_bins) == (1, 2, 11, 33)


@each_preset
def test_batches_equal_their_items(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(3, 4, 4800)
    batch = extractor(waveform)
    items = torch.cat([extractor(item.unsqueeze(0)) for item in waveform])
    torch.testing.assert_close(batch, items)


@each_preset
def test_the_precision_of_the_input_is_kept_and_no_state_is_held(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(1, 4, 4800, dtype=torch.float64)
    double, single = extractor(waveform), extractor(waveform.float())
    assert (double.dtype, single.dtype) == (torch.float64, torch.float32)
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-3)
    assert not extractor.state_dict()
    assert not list(extractor.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(extractor(waveform.float()), single)
    assert extractor.float()(waveform.float()).dtype == torch.float32


class Centred(Part):
    """A part that needs the whole clip and does not say so, beside one that looks around."""

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the magnitude of each bin less its mean over the clip."""
        return spectrum.abs() - spectrum.abs().mean(dim=2, keepdim=True)


class HalfStated(Centred):
    """One that says too little."""

    lookahead = 0


class WithState(Centred):
    """One whose state reaches back without end, and that has a stream of its own."""

    lookahead = 0

    def stream(self) -> PartStream:
        """Return a stream."""
        raise NotImplementedError


class Difference(Centred):
    """A part that looks two frames back and one ahead."""

    lookback, lookahead = 2, 1

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return by how much the magnitude grows over three frames."""
        padded = nn.functional.pad(spectrum.abs(), (0, 0, 2, 1))
        return padded[:, :, 3:] - padded[:, :, :-3]


@pytest.mark.parametrize("frames", [1, 2, 5, 1000])
def test_blocks_equal_the_whole(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stft = STFT(n_fft=64, hop_length=20)
    monkeypatch.setattr("seldkit.features.framing._BLOCK", frames * 2 * 2 * 64)
    mel = MelFilterBank(33, n_fft=64, sample_rate=24000)
    waveform = torch.randn(2, 2, 333)
    stated: list[Part] = [LogMel(mel, top_db=10), Difference()]
    unstated: list[list[Part]] = [[part] for part in (Centred(), HalfStated(), WithState())]
    for parts in (stated, *unstated):
        extractor = FeatureExtractor(stft, parts, in_channels=2)
        expected = torch.cat([part(stft(waveform)) for part in parts], dim=1)
        torch.testing.assert_close(extractor(waveform), expected)


@every_name
def test_presets_in_blocks_equal_the_whole(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = getattr(presets, name)()
    waveform = 0.1 * torch.randn(2, extractor.in_channels, 6000)
    spectrum = extractor.stft(waveform)
    expected = torch.cat([part(spectrum) for part in extractor.parts], dim=1)
    monkeypatch.setattr("seldkit.features.framing._BLOCK", 3 * 2 * extractor.in_channels * 1024)
    torch.testing.assert_close(extractor(waveform), expected, rtol=1e-5, atol=1e-5)
    with_gradient = extractor(waveform.requires_grad_())
    torch.testing.assert_close(with_gradient.detach(), expected, rtol=1e-5, atol=1e-5)


class Learnt(Difference):
    """A part with a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, spectrum: Tensor) -> Tensor:
        """Return the difference times the weight."""
        return self.weight * super().forward(spectrum)


def test_parts_may_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seldkit.features.framing._BLOCK", 2 * 64)
    part, stft, waveform = Learnt(), STFT(n_fft=64, hop_length=20), torch.randn(1, 1, 333)
    features = FeatureExtractor(stft, [part], in_channels=1)(waveform)
    features.square().sum().backward()
    assert part.weight.grad is not None
    torch.testing.assert_close(part.weight.grad, 2 * features.detach().square().sum())


def test_gradients_in_double_precision() -> None:
    mel = MelFilterBank(3, n_fft=16, sample_rate=24000)
    stft = STFT(n_fft=16, hop_length=8)
    extractor = FeatureExtractor(stft, [LogMel(mel), IntensityVector(mel)])
    waveform = torch.randn(1, 4, 24, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(extractor, (waveform,))


@each_preset
def test_gradients_reach_the_waveform(preset: Preset) -> None:
    waveform = torch.randn(1, 4, 4800, requires_grad=True)
    preset()(waveform).sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.isfinite().all()
    assert (waveform.grad != 0).any()


@pytest.mark.transforms
@each_preset
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiles_without_breaks(preset: Preset, backend: str) -> None:
    extractor, waveform = preset(), torch.randn(2, 4, 4800)
    torch.compiler.reset()
    compiled = torch.compile(extractor, fullgraph=True, backend=backend)
    torch.testing.assert_close(compiled(waveform), extractor(waveform))


@pytest.mark.transforms
@each_preset
def test_exports(preset: Preset) -> None:
    extractor, waveform = preset(), torch.randn(2, 4, 4800)
    exported = torch.export.export(extractor, (waveform,))
    torch.testing.assert_close(exported.module()(waveform), extractor(waveform))


def without_complex_numbers(extractor: FeatureExtractor, waveform: Tensor) -> Any:
    """Export to ONNX with any number of clips and samples, and load into onnxruntime."""
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    sizes = {"waveform": {0: "batch", 2: "samples"}}
    program = torch.onnx.export(
        extractor.for_export(), (waveform,), dynamic_shapes=sizes, dynamo=True, verbose=False
    )
    assert program is not None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(program.model_proto.SerializeToString(), options)


@pytest.mark.transforms
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", ["ein_seld", "dcase2023_foa"])
def test_exports_to_onnx(name: str) -> None:
    extractor = getattr(presets, name)()
    session = without_complex_numbers(extractor, 0.1 * torch.randn(2, 4, 4800))
    for batch, samples in ((2, 4800), (1, 12345), (3, 2400)):
        waveform = 0.1 * torch.randn(batch, 4, samples)
        (found,) = session.run(None, {"waveform": waveform.numpy()})
        expected = extractor(waveform)
        # Of noise the quietest bands have their levels from few digits.
        torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=5e-3)
        assert (torch.from_numpy(found) - expected).abs().mean() < 1e-5


@pytest.mark.transforms
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_features_without_complex_numbers(dtype: torch.dtype) -> None:
    extractor, waveform = presets.ein_seld(), torch.randn(2, 4, 4800, dtype=dtype)
    copy = extractor.for_export()
    assert copy.stft.basis.dtype == torch.float32
    assert extractor.stft.window.dtype == torch.float64
    features = copy(waveform)
    assert features.dtype == dtype
    torch.testing.assert_close(features, extractor(waveform), rtol=1e-4, atol=5e-3)
    stream = copy.stream()
    streamed = torch.cat((stream.push(waveform[0]), stream.flush()), dim=1)
    torch.testing.assert_close(streamed, extractor(waveform)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.messages
def test_messages() -> None:
    stft = STFT(n_fft=64, hop_length=32)
    with pytest.raises(ValueError, match="parts must hold at least one feature, got none"):
        FeatureExtractor(stft, [])
    mel = MelFilterBank(8, n_fft=64, sample_rate=24000)
    with pytest.raises(ValueError, match=r"parts must have one number of bins, got \[8, 33\]"):
        FeatureExtractor(stft, [LogMel(mel), IntensityVector()])
    with pytest.raises(ValueError, match="needs the 4 channels of FOA, got 2"):
        FeatureExtractor(stft, [IntensityVector()], in_channels=2)
    extractor = FeatureExtractor(stft, [LogMel(mel)])
    with pytest.raises(ValueError, match=r"waveform must be \(batch, channel=4, sample\), got"):
        extractor(torch.zeros(1, 2, 100))
