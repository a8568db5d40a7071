"""The systems in the box: small, causal, and right about what is heard and from where."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from seldkit import Events, Pipeline, pretrained
from seldkit.geometry import angle_deg, unit_vector
from seldkit.io import read_audio
from seldkit.synth import FolderSounds, SceneSynthesizer

BOX = Path(pretrained.__file__).parent
RATE, FRAME = 24000, 2400


@pytest.fixture(scope="module")
def everyday() -> Pipeline:
    return pretrained.load("everyday12")


def test_a_name_leads_to_a_system_in_float32() -> None:
    assert pretrained.names() == ["everyday12"]
    pipeline = pretrained.load("everyday12")
    assert not pipeline.training
    assert {p.dtype for p in pipeline.parameters()} == {torch.float32}
    assert len(pipeline.classes or ()) == 12


@pytest.mark.messages
def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match="name must be one of everyday12, got 'everyday13'"):
        pretrained.load("everyday13")


def test_it_is_small(everyday: Pipeline) -> None:
    assert sum(p.numel() for p in everyday.parameters()) < 2_000_000
    folder = BOX / "everyday12"
    assert sorted(path.name for path in folder.iterdir()) == [
        "pipeline.json",
        "weights.safetensors",
    ]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4_000_000
    seconds = 10
    features = everyday.extractor(torch.zeros(1, 4, seconds * RATE))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        everyday.model(features)
    assert counter.get_total_flops() / 2 / seconds < 0.2e9  # multiplications and additions


@pytest.mark.parametrize("frame", [1, 7, 24])
def test_what_sounds_later_changes_no_frame(everyday: Pipeline, frame: int) -> None:
    generator = torch.Generator().manual_seed(frame)
    waveform = 0.1 * torch.randn(1, 4, 3 * RATE, generator=generator)
    later = waveform.clone()
    later[..., frame * FRAME :] = torch.randn(1, 4, 3 * RATE - frame * FRAME, generator=generator)
    with torch.no_grad():
        before, after = everyday(waveform), everyday(later)
    for name in ("activity", "direction"):
        change = (getattr(after, name) - getattr(before, name)).abs()
        assert change[:, :frame].max() < 1e-5
        assert change[:, frame:].max() > 0.01


def test_it_streams_what_it_finds_in_the_whole_clip(
    everyday: Pipeline, data: Callable[[str], Path]
) -> None:
    path = data("foa/recordings/starss23_clip.flac")
    waveform, _ = read_audio(path)
    stream = everyday.stream()
    assert stream.latency_s <= 0.1
    parts = [stream.push(chunk) for chunk in waveform.split(1111, dim=1)]
    told = Events.concatenate([*parts, stream.flush()])
    found = everyday.predict(path)
    assert len(found) > 0
    assert told.num_frames == found.num_frames
    assert torch.equal(told.frame, found.frame)
    assert torch.equal(told.label, found.label)
    torch.testing.assert_close(told.direction, found.direction, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "azimuth_deg"), [("dog_bark", 60.0), ("rooster", -120.0), ("speech", 150.0)]
)
def test_it_says_what_is_heard_in_a_room_and_from_where(
    everyday: Pipeline, data: Callable[[str], Path], name: str, azimuth_deg: float
) -> None:
    sounds = FolderSounds(data("events"), folds=(4,))  # held out of its training
    synthesizer = SceneSynthesizer(
        sounds,
        class_weights={other: float(other == name) for other in sounds.classes},
        azimuth_deg=(azimuth_deg, azimuth_deg),
        elevation_deg=(0.0, 0.0),
        distance_m=(1.0, 1.5),
        snr_db=(30.0, 30.0),
        moving=0.0,
        max_polyphony=1,
    )
    waveform, truth = synthesizer.scene(seed=1)
    found = everyday.predict(waveform, RATE)
    right = found.select(found.label == sounds.classes.index(name))
    assert everyday.classes == sounds.classes
    assert len(right) > len(truth) / 2
    assert len(right) > len(found) / 2
    direction = unit_vector(torch.tensor(azimuth_deg), torch.tensor(0.0)).double()
    assert angle_deg(right.direction, direction).median() < 10


def test_it_can_be_saved_again(everyday: Pipeline, tmp_path: Path) -> None:
    everyday.save(tmp_path / "again")
    again = Pipeline.load(tmp_path / "again")
    for ours, theirs in zip(again.parameters(), everyday.parameters(), strict=True):
        assert torch.equal(ours, theirs)
