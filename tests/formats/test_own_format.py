"""A format of one's own, of public names alone, in chunks, a loss, a balancer and a pipeline."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from seldkit import Events, Pipeline, SELDOutput
from seldkit.data import Chunks
from seldkit.features import presets
from seldkit.geometry import unit_norm
from seldkit.losses import FixedWeights, TaskLosses, active_direction_loss
from seldkit.pipeline import OutputFormat, builder
from sound_fields import diffuse_noise


@dataclass(frozen=True)
class OneAtATime:
    """Scores of silence and of each class, and a direction, in each frame."""

    num_classes: int

    def encode(self, events: Events, num_frames: int) -> SELDOutput:
        """Return the target of a clip."""
        if events.frame.unique().numel() < len(events):
            raise ValueError("events must not overlap")
        label = torch.zeros(num_frames, dtype=torch.int64)
        label[events.frame] = 1 + events.label
        direction = torch.zeros(num_frames, 3)
        direction[events.frame] = events.direction.float()
        return SELDOutput(one_hot(label, 1 + self.num_classes).float(), direction)

    def decode(self, output: SELDOutput) -> Events:
        """Return the events of an output without the batch axis."""
        label = output.activity.argmax(dim=-1)
        (frame,) = label.nonzero(as_tuple=True)
        direction = unit_norm(output.direction[frame])
        return Events(frame, label[frame] - 1, direction, num_frames=len(label))


def one_at_a_time_loss(preds: SELDOutput, target: SELDOutput) -> TaskLosses:
    sed = cross_entropy(preds.activity.flatten(0, 1), target.activity.flatten(0, 1))
    sounds = 1 - target.activity[..., 0]
    return TaskLosses(sed, active_direction_loss(preds.direction, target.direction, sounds))


class Network(nn.Module):
    """Reads four feature frames for each label frame."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4 * 7 * 8, 3 + 3)

    def forward(self, features: Tensor) -> SELDOutput:
        """Return scores and directions."""
        frames = features[:, :, : features.shape[2] // 4 * 4].movedim(2, 1)
        x = self.linear(frames.reshape(len(features), -1, 4 * 7 * 8) / 50)
        return SELDOutput(x[..., :3], x[..., 3:])


@builder
def network() -> nn.Module:
    """Build the network."""
    return Network()


def test_a_format_of_ones_own_is_trained_and_decoded(tmp_path: Path) -> None:
    format = OneAtATime(2)
    assert isinstance(format, OutputFormat)
    scene = Events.from_degrees([1, 2, 7, 8], [0, 0, 1, 1], [90.0, 90.0, 0.0, 10.0], [0.0] * 4)
    waveform = diffuse_noise(8000)
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=8)
    model, balancer = network(), FixedWeights()
    features = extractor(waveform.unsqueeze(0))[0]
    chunks = Chunks([features], [format.encode(scene, 10)], chunk_frames=5, ratio=4)
    x, target = Chunks.collate(list(chunks))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        balancer(one_at_a_time_loss(model(x), target)).backward()
        optimizer.step()
    pipeline = Pipeline(extractor, model, format, window_s=1.0)
    found = pipeline.predict(waveform, 8000)
    assert found.frame.tolist() == scene.frame.tolist()
    assert found.label.tolist() == scene.label.tolist()
    assert (found.direction * scene.direction).sum(dim=1).min() > 0.99
    pipeline.save(tmp_path)
    again = Pipeline.load(tmp_path, builders={"network": network, "OneAtATime": OneAtATime})
    assert again.format == format
    assert again.predict(waveform, 8000) == found
