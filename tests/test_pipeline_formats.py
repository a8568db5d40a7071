"""A pipeline takes networks of every output format."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit.features import FeatureExtractor, presets
from seldkit.formats import ACCDOA, ClassWise, MultiACCDOA, TrackWise
from seldkit.heads import MultiACCDOAHead
from seldkit.pipeline import OutputFormat, Pipeline, builder
from sound_fields import turning_noise

RATE, CLASSES = 8000, 3


class VectorModel(nn.Module):
    """A model that returns a tensor and sees one label frame on either side of each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(7 * 8, 16, kernel_size=3, padding=1)
        self.head = MultiACCDOAHead(16, CLASSES, distance=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return vectors and distances of four feature frames each."""
        pooled = nn.functional.avg_pool1d((features / 50).transpose(2, 3).flatten(1, 2), 4)
        vectors: Tensor = self.head(self.conv(pooled).transpose(1, 2))
        return vectors


@builder
def vector_model() -> nn.Module:
    """Build a `VectorModel` whose weights do not depend on other tests."""
    torch.manual_seed(3)
    return VectorModel()


def extractor() -> FeatureExtractor:
    return presets.ein_seld(sample_rate=RATE, hop_length=200, num_mels=8)


def noise(seconds: int) -> Tensor:
    """Return noise whose level and direction change five times a second."""
    return turning_noise(seconds * RATE, every=RATE // 5)


def test_a_network_may_return_vectors(tmp_path: Path) -> None:
    format_ = MultiACCDOA(CLASSES, threshold=0.25, distance=True, unify_deg=10.0, merge="unit")
    pipeline = Pipeline(extractor(), vector_model(), format_, window_s=2.0)
    waveform = noise(seconds=5)
    events = pipeline.predict(waveform, RATE)
    assert events.num_frames == 50
    assert 5 < len(events) < 300
    assert events.distance is not None
    with torch.no_grad():
        one_pass = format_.decode(pipeline(waveform.unsqueeze(0))[0])
    assert torch.equal(events.label, one_pass.label)
    output = pipeline.scan(waveform, RATE)
    assert isinstance(output, Tensor)
    assert output.shape == (50, 3, CLASSES, 4)
    assert format_.decode(output) == events
    torch.testing.assert_close(events.direction, one_pass.direction, rtol=0, atol=1e-3)

    pipeline.save(tmp_path)
    loaded = Pipeline.load(tmp_path, builders={"vector_model": vector_model})
    assert loaded.format == format_
    assert loaded.predict(waveform, RATE) == events


@pytest.mark.parametrize(
    "format_",
    [
        ACCDOA(CLASSES, onscreen=True, planar=True),
        ClassWise(CLASSES, threshold=[0.2, 0.3, 0.4]),
        MultiACCDOA(CLASSES, 2, overflow="drop"),
        TrackWise(CLASSES, 2, class_directions=True),
    ],
)
def test_every_format_is_saved(tmp_path: Path, format_: OutputFormat[Any]) -> None:
    Pipeline(extractor(), vector_model(), format_).save(tmp_path)
    loaded = Pipeline.load(tmp_path, builders={"vector_model": vector_model})
    assert loaded.format == format_


@pytest.mark.messages
def test_other_outputs_are_named() -> None:
    class Pair(VectorModel):
        def forward(self, features: Tensor) -> Any:
            """Return two tensors."""
            vectors = super().forward(features)
            return vectors[..., :3], vectors[..., 3]

    pipeline = Pipeline(extractor(), Pair(), MultiACCDOA(CLASSES))
    with pytest.raises(TypeError, match="model must return a SELDOutput or a tensor, got tuple"):
        pipeline.predict(noise(seconds=1), RATE)
