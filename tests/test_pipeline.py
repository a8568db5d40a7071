"""A pipeline gives for audio of any length what one pass over it would give."""

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seldkit import SELDOutput
from seldkit.events import Events
from seldkit.features import FeatureExtractor, Standardize, presets
from seldkit.formats import TrackWise
from seldkit.io import write_audio
from seldkit.models import einv2
from seldkit.pipeline import Pipeline, builder
from sound_fields import turning_noise

RATE, CLASSES = 8000, 3

quick = settings(max_examples=25)


class LocalModel(nn.Module):
    """A model that sees two label frames on either side of each frame; one track."""

    def __init__(self, *, cut: int = 0) -> None:
        super().__init__()
        self.cut = cut
        self.conv = nn.Conv1d(7 * 8, CLASSES + 3, kernel_size=5, padding=2)
        self.batch_sizes: list[int] = []

    def forward(self, features: Tensor) -> SELDOutput:
        """Return logits and directions of four feature frames each."""
        self.batch_sizes.append(len(features))
        assert not self.training
        pooled = nn.functional.avg_pool1d((features / 50).transpose(2, 3).flatten(1, 2), 4)
        out = self.conv(pooled).transpose(1, 2).unsqueeze(2)
        out = out[:, : out.shape[1] - self.cut]
        return SELDOutput(6 * out[..., :CLASSES], out[..., CLASSES:])


@builder
def local_model(cut: int = 0) -> nn.Module:
    """Build a `LocalModel` whose weights do not depend on other tests."""
    torch.manual_seed(3)
    return LocalModel(cut=cut)


def extractor() -> FeatureExtractor:
    return presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)


def local_pipeline(model: nn.Module | None = None, **kwargs: Any) -> Pipeline:
    settings_: dict[str, Any] = {"window_s": 2.0, **kwargs}
    model = local_model() if model is None else model
    return Pipeline(extractor(), model, TrackWise(CLASSES, 1), **settings_)


def noise(samples: int, seed: int = 0) -> Tensor:
    return turning_noise(samples, every=1600, seed=seed)


def assert_same_events(found: Events, wanted: Events) -> None:
    assert found.num_frames == wanted.num_frames
    for name in ("frame", "label", "source"):
        assert torch.equal(getattr(found, name), getattr(wanted, name))
    torch.testing.assert_close(found.direction, wanted.direction, rtol=0, atol=1e-3)


def one_pass(pipeline: Pipeline, waveform: Tensor) -> Events:
    """Return the events of one pass over whole label frames."""
    padded = nn.functional.pad(waveform, (0, -waveform.shape[1] % 800))
    with torch.no_grad():
        output = pipeline.eval()(padded.unsqueeze(0))
    return pipeline.format.decode(SELDOutput(output.activity[0], output.direction[0]))


@quick
@given(st.integers(1, 80000), st.sampled_from([0.8, 1.0, 1.3]), st.integers(1, 9))
def test_windows_join_without_seams(samples: int, hop_s: float, batch_size: int) -> None:
    pipeline = local_pipeline(hop_s=hop_s)
    waveform = noise(samples, seed=samples)
    events = pipeline.predict(waveform, RATE, batch_size=batch_size)
    assert events.num_frames == -(-samples // 800)
    assert_same_events(events, one_pass(pipeline, waveform))


def test_long_audio_has_events_and_runs_in_batches() -> None:
    model = LocalModel()
    pipeline = local_pipeline(model)
    waveform = noise(800 * 75)
    events = pipeline.predict(waveform, RATE, batch_size=4)
    assert model.batch_sizes == [4, 3]
    assert len(events) > 5
    for batch_size in (1, 7, 100):
        assert_same_events(pipeline.predict(waveform, RATE, batch_size=batch_size), events)


@pytest.mark.parametrize("samples", [1, 799, 800, 801, 15999])
def test_short_clips_need_no_whole_window(samples: int) -> None:
    pipeline = local_pipeline()
    waveform = noise(samples)
    events = pipeline.predict(waveform, RATE)
    assert events.num_frames == -(-samples // 800)
    assert_same_events(events, one_pass(pipeline, waveform))


def test_the_model_decides_the_kind_of_number() -> None:
    pipeline = local_pipeline()
    waveform = noise(4000)
    events = pipeline.predict(waveform, RATE)
    assert_same_events(pipeline.predict(waveform.double(), RATE), events)
    assert_same_events(pipeline.double().predict(waveform, RATE), events)


def test_modes_are_restored() -> None:
    pipeline = local_pipeline().train()
    pipeline.model.conv.eval()  # type: ignore[union-attr]  # a frozen layer
    pipeline.predict(noise(900), RATE)
    modes = [pipeline.training, pipeline.model.training, pipeline.model.conv.training]  # type: ignore[union-attr]
    assert modes == [True, True, False]
    broken = local_pipeline(local_model(cut=1)).train()
    with pytest.raises(ValueError, match="model must return 2 frames for a window, got 1"):
        broken.predict(noise(900), RATE)
    assert broken.training


def test_a_file_is_resampled(tmp_path: Path) -> None:
    pipeline = local_pipeline()
    write_audio(tmp_path / "same.wav", noise(20000), RATE)
    same = pipeline.predict(tmp_path / "same.wav")
    assert_same_events(same, pipeline.predict(noise(20000), RATE))
    write_audio(tmp_path / "other.wav", noise(48000), 2 * RATE)
    assert pipeline.predict(str(tmp_path / "other.wav")).num_frames == 30


def tiny_einv2() -> nn.Module:
    return einv2(
        CLASSES,
        widths=(4, 8),
        pool_time=(2, 2),
        pool_freq=(2, 4),
        num_layers=1,
        num_heads=2,
        feedforward=8,
    )


@pytest.mark.parametrize("standardized", [False, True])
def test_a_loaded_pipeline_predicts_the_same(tmp_path: Path, standardized: bool) -> None:
    features = extractor()
    standardize = Standardize(features.num_channels, features.num_bins)
    standardize.fit([features(noise(16000, seed=i).unsqueeze(0)) for i in range(2)])
    pipeline = Pipeline(
        features,
        tiny_einv2(),
        TrackWise(CLASSES, threshold=[0.4, 0.5, 0.45]),
        standardize=standardize if standardized else None,
        window_s=2.0,
        hop_s=0.5,
        classes=["bark", "bell", "süß"],
    )
    pipeline.save(tmp_path / "a" / "b")
    names = sorted(file.name for file in (tmp_path / "a" / "b").iterdir())
    assert names == ["pipeline.json", "weights.safetensors"]
    loaded = Pipeline.load(str(tmp_path / "a" / "b"))
    assert not loaded.training
    assert loaded.classes == ("bark", "bell", "süß")
    assert (loaded.window_s, loaded.hop_s, loaded.label_rate) == (2.0, 0.5, 10.0)
    waveform = noise(40000)
    events = pipeline.predict(waveform, RATE)
    assert len(events) > 0
    assert loaded.predict(waveform, RATE) == events
    loaded.save(tmp_path / "again")
    for name in names:
        first, second = tmp_path / "a" / "b" / name, tmp_path / "again" / name
        assert first.read_bytes() == second.read_bytes()


def test_own_builders_are_asked_for(tmp_path: Path) -> None:
    pipeline = local_pipeline()
    pipeline.save(tmp_path)
    builders: dict[str, Callable[..., Any]] = {"local_model": local_model}
    loaded = Pipeline.load(tmp_path, builders=builders)
    assert loaded.predict(noise(20000), RATE) == pipeline.predict(noise(20000), RATE)
    message = r"model builder 'local_model' is unknown; known are \['ad_yolo', "
    with pytest.raises(KeyError, match=message):
        Pipeline.load(tmp_path)


def test_shared_weights_are_saved(tmp_path: Path) -> None:
    @builder
    def tied() -> nn.Module:
        model = LocalModel()
        model.again = model.conv.weight
        return model

    local_pipeline(tied()).save(tmp_path)
    loaded = Pipeline.load(tmp_path, builders={"tied": tied})
    assert loaded.model.again is loaded.model.conv.weight  # type: ignore[union-attr]


@pytest.mark.transforms
def test_a_compiled_model_is_saved_under_its_own_names(tmp_path: Path) -> None:
    pipeline = local_pipeline()
    pipeline.save(tmp_path / "plain")
    pipeline.model = torch.compile(pipeline.model, backend="eager")  # type: ignore[assignment]
    pipeline.save(tmp_path / "compiled")
    plain, compiled = (tmp_path / name / "weights.safetensors" for name in ("plain", "compiled"))
    assert plain.read_bytes() == compiled.read_bytes()


def test_what_cannot_be_saved_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="model must come from a builder to be saved: decorate"):
        local_pipeline(LocalModel()).save(tmp_path)

    @builder
    def strange(of: object) -> nn.Module:
        return LocalModel()

    with pytest.raises(
        ValueError, match="builders' arguments must be plain to be saved: Object of"
    ):
        local_pipeline(strange(object())).save(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        Pipeline.load(tmp_path)


def test_settings_are_readable(tmp_path: Path) -> None:
    local_pipeline().save(tmp_path)
    saved = json.loads((tmp_path / "pipeline.json").read_text(encoding="utf-8"))
    given = {"sample_rate": RATE, "hop_length": 200, "num_mels": 8}
    extractor_call = saved["extractor"]
    assert extractor_call["builder"] == "ein_seld"
    assert extractor_call["arguments"].items() >= (given | {"fmin": 20.0}).items()
    assert saved["model"] == {"builder": "local_model", "arguments": {"cut": 0}}
    assert saved["seldkit"] == version("seldkit")
    assert saved["version"] == 1


@pytest.mark.messages
def test_wrong_audio_is_named(tmp_path: Path) -> None:
    pipeline, waveform = local_pipeline(), noise(900)
    for rate in (None, 44100):
        with pytest.raises(ValueError, match=f"sample_rate must be 8000, got {rate}"):
            pipeline.predict(waveform, rate)
    with pytest.raises(ValueError, match=r"audio must be \(channel=4, sample\), got shape \(2, 9"):
        pipeline.predict(waveform[:2], RATE)
    with pytest.raises(ValueError, match=r"audio must be \(channel=4, sample\), got shape \(1, 4,"):
        pipeline.predict(waveform.unsqueeze(0), RATE)
    with pytest.raises(ValueError, match="audio must have at least one sample, got none"):
        pipeline.predict(waveform[:, :0], RATE)
    with pytest.raises(ValueError, match="audio must be finite, got nan or infinity in 3600 of"):
        pipeline.predict(waveform * torch.nan, RATE)
    with pytest.raises(
        TypeError, match=r"audio must hold floats with full scale 1, got torch\.int16"
    ):
        pipeline.predict(waveform.to(torch.int16), RATE)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        pipeline.predict(waveform, RATE, batch_size=0)
    write_audio(tmp_path / "a.wav", waveform, RATE)
    with pytest.raises(ValueError, match="sample_rate is for waveforms; a file says its own"):
        pipeline.predict(tmp_path / "a.wav", RATE)
    write_audio(tmp_path / "stereo.wav", waveform[:2], RATE)
    with pytest.raises(ValueError, match=r"audio must be \(channel=4, sample\)"):
        pipeline.predict(tmp_path / "stereo.wav")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window_s": 0.0}, "window_s must be positive, got 0"),
        ({"window_s": 1.0, "hop_s": 1.5}, "hop_s must be at most window_s=1, got 1.5"),
        ({"window_s": 1.05}, r"window_s \* label_rate must be a whole number, got 10.5"),
        ({"hop_s": 0.25}, r"hop_s \* label_rate must be a whole number, got 2.5"),
        ({"label_rate": 3.0}, "sample_rate / label_rate must be a whole number, got 2666.6"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        local_pipeline(**arguments)
