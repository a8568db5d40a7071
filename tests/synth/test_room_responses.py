"""Scenes in measured rooms: the direct sound says where a source is."""

import csv
import pickle
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.geometry import angle_deg, unit_vector
from seldkit.io import write_audio
from seldkit.synth import RoomResponses, SceneSynthesizer

RATE = 8000
PLACES = [(30.0, 0.0, 1.0, "hall"), (-120.0, 20.0, 2.0, "hall"), (80.0, -10.0, 1.5, "attic")]
DRY: dict[str, Any] = {"duration_s": 2.0, "sample_rate": RATE, "snr_db": None, "max_polyphony": 1}


class Noise:
    """One class of noise."""

    classes = ("noise",)

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return two seconds of it."""
        return generator.standard_normal(2 * sample_rate, dtype=np.float32)


def response(azimuth: float, elevation: float, *, late: float = 0.005) -> torch.Tensor:
    """Return a click from a direction after 0.05 s, then some reverberation."""
    x, y, z = unit_vector(azimuth, torch.tensor(elevation)).tolist()
    waveform = late * torch.randn(4, 2400, generator=torch.Generator().manual_seed(1))
    waveform[:, :430] = 0
    waveform[:, 400] = 0.7 * torch.tensor([1.0, y, z, x])
    return waveform


def write(folder: Path, places: Sequence[tuple[float, float, float, str]] = PLACES) -> Path:
    folder.mkdir(exist_ok=True)
    lines = ["file,azimuth_deg,elevation_deg,distance_m,room"]
    for number, (azimuth, elevation, distance, room) in enumerate(places):
        write_audio(folder / f"{number}.wav", response(azimuth, elevation), RATE)
        lines.append(f"{number}.wav,{azimuth},{elevation},{distance},{room}")
    (folder / "responses.csv").write_text("\n".join(lines))
    return folder


def test_a_response_is_put_where_its_source_stood(tmp_path: Path) -> None:
    responses = RoomResponses(write(tmp_path))
    assert responses.rooms == ("attic", "hall")
    for number, (azimuth, elevation, distance, _) in enumerate(PLACES):
        waveform, position = responses.response(number, RATE)
        assert np.argmax(np.abs(waveform[0])) == round(distance / 343 * RATE)
        assert np.abs(waveform[0]).max() == pytest.approx(1 / distance, rel=1e-4)
        truth = distance * unit_vector(azimuth, torch.tensor(elevation)).double().numpy()
        np.testing.assert_allclose(position, truth, atol=1e-4)


def test_scenes_take_the_rooms_in_turn_and_sound_as_they_do(tmp_path: Path) -> None:
    synthesizer = SceneSynthesizer(Noise(), responses=write(tmp_path), pause_s=(0.2, 0.2), **DRY)
    for index in range(4):
        waveform, events = synthesizer.scene(0, index)
        room = ("attic", "hall")[index % 2]
        truth = [
            unit_vector(azimuth, torch.tensor(elevation)).double()
            for azimuth, elevation, _, name in PLACES
            if name == room
        ]
        nearest = torch.stack([angle_deg(events.direction, each) for each in truth]).amin(dim=0)
        assert len(events) > 8
        assert nearest.max() < 0.01
        frames = waveform.double().reshape(4, -1, RATE // 10)[:, events.frame]
        flow = (frames[:1] * frames[[3, 1, 2]]).mean(dim=-1).T
        assert angle_deg(flow, events.direction).median() < 5


def test_only_places_in_the_ranges_are_taken(tmp_path: Path) -> None:
    write(tmp_path)
    front = SceneSynthesizer(Noise(), responses=tmp_path, azimuth_deg=(0, 90), **DRY)
    for index in range(4):
        azimuth = front.scene(0, index)[1].azimuth_deg
        assert ((azimuth > 29) & (azimuth < 81)).all()
    with pytest.raises(ValueError, match="responses must have places in room 'attic' with azimuth"):
        SceneSynthesizer(Noise(), responses=tmp_path, azimuth_deg=(-180, 0), **DRY)


def test_axes_that_run_otherwise_are_found(tmp_path: Path) -> None:
    write(tmp_path)
    table = tmp_path / "responses.csv"
    table.write_text(table.read_text().replace("30.0,0.0", "-30.0,0.0"))
    with pytest.raises(ValueError, match=r"0\.wav must come from where the table says, azimuth"):
        RoomResponses(tmp_path).response(0, RATE)


def test_another_normalisation_is_found(tmp_path: Path) -> None:
    write(tmp_path)
    n3d = response(30.0, 0.0) * torch.tensor([1.0, 3**0.5, 3**0.5, 3**0.5])[:, None]
    write_audio(tmp_path / "0.wav", n3d, RATE)
    with pytest.raises(ValueError, match=r"0\.wav must have dipoles as strong as W .* 1\.732 time"):
        RoomResponses(tmp_path).response(0, RATE)
    converted = RoomResponses(tmp_path, normalization="n3d").response(0, RATE).position_m
    np.testing.assert_allclose(converted, [0.866, 0.5, 0], atol=1e-3)


def test_the_fingerprint_changes_with_table_and_sound(tmp_path: Path) -> None:
    before = RoomResponses(write(tmp_path / "a")).fingerprint()
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert RoomResponses(tmp_path / "b").fingerprint() == before
    assert RoomResponses(tmp_path / "b", normalization="n3d").fingerprint() != before
    write_audio(tmp_path / "b" / "0.wav", response(30.0, 0.0, late=0.03), RATE)
    assert RoomResponses(tmp_path / "b").fingerprint() != before


def write_sofa(path: Path) -> Path:
    """Write the places as one file, as seen by one who looks to the left."""
    sofar = pytest.importorskip("sofar")
    sofa = sofar.Sofa("SingleRoomSRIR")
    sofa.Data_IR = np.stack([response(a, e).numpy() for a, e, _, _ in PLACES]).astype(np.float64)
    sofa.Data_SamplingRate = RATE
    sofa.Data_Delay = np.zeros((1, 4))
    sofa.ReceiverPosition = np.zeros((4, 3))
    sofa.ReceiverView, sofa.ReceiverUp = np.tile([[1, 0, 0]], (4, 1)), np.tile([[0, 0, 1]], (4, 1))
    for name in ("ReceiverDescriptions", "EmitterDescriptions"):
        sofa.delete(name)
    sofa.MeasurementDate = np.zeros(3)
    turned = [unit_vector(a + 90, torch.tensor(e)).numpy() * d for a, e, d, _ in PLACES]
    sofa.SourcePosition = np.array(turned) + 2.0
    sofa.ListenerPosition, sofa.ListenerView = np.full((3, 3), 2.0), np.array([[0.0, 1.0, 0.0]])
    sofar.write_sofa(str(path), sofa, compression=0)
    return path


def test_a_sofa_file_holds_the_same(tmp_path: Path) -> None:
    path = write_sofa(tmp_path / "rooms.sofa")
    measured, folder = RoomResponses(path), RoomResponses(write(tmp_path / "folder"))
    for number in range(3):
        ours, theirs = measured.response(number, RATE), folder.response(number, RATE)
        np.testing.assert_allclose(ours.position_m, theirs.position_m, atol=1e-3)
        np.testing.assert_allclose(ours.waveform, theirs.waveform, atol=1e-3)
        ours, theirs = (each.response(number, 2 * RATE) for each in (measured, folder))
        np.testing.assert_allclose(ours.waveform, theirs.waveform, atol=1e-3)
    again = pickle.loads(pickle.dumps(measured))
    assert again.fingerprint() == measured.fingerprint()
    assert again.rooms == ("rooms",)
    SceneSynthesizer(Noise(), responses=path, **DRY).scene(0)


def test_real_responses_come_from_where_their_table_says(
    data: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = ["file,azimuth_deg,elevation_deg,distance_m,room"]
    with data("foa/provenance.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            if row["azimuth_deg"]:
                source = data("foa") / row["file"]
                shutil.copy(source, tmp_path)
                told = f"{row['azimuth_deg']},{row['elevation_deg']},2"
                lines.append(f"{source.name},{told},{source.stem}")
    (tmp_path / "responses.csv").write_text("\n".join(lines))
    responses = RoomResponses(tmp_path)
    assert len(responses) == len(responses.rooms) == 3
    synthesizer = SceneSynthesizer(Noise(), responses=responses, duration_s=3.0, snr_db=None)
    for index, room in enumerate(responses.rooms):
        ((number, place),) = responses.positions(room).items()
        found = torch.from_numpy(responses.response(number, 24000).position_m)
        assert angle_deg(found, torch.from_numpy(place)) < 2
        waveform, events = synthesizer.scene(0, index)
        assert len(events) > 5
        assert waveform.isfinite().all()


@pytest.mark.messages
def test_tables_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no .*responses\.csv: it has the "):
        RoomResponses(tmp_path)
    write(tmp_path)
    table = tmp_path / "responses.csv"
    text = table.read_text()
    for old, new, error, message in (
        ("distance_m", "metres", ValueError, "the columns distance_m"),
        ("30.0,0.0", "left,0.0", ValueError, "line 2: could not convert string to float: 'left'"),
        ("30.0,0.0", "30.0,91.0", ValueError, "line 2: .* elevation_deg in -90..90 .* got 30, 91"),
        ("1.wav", "2.flac", FileNotFoundError, "names 2.flac, which is not there"),
    ):
        table.write_text(text.replace(old, new))
        with pytest.raises(error, match=message):
            RoomResponses(tmp_path)
    table.write_text(text)
    for wrong, message in (
        (torch.ones(1, 99), r"0\.wav must have 4 channels, got 1"),
        (torch.zeros(4, 99), r"0\.wav must be finite and not silent on W"),
    ):
        write_audio(tmp_path / "0.wav", wrong, RATE)
        with pytest.raises(ValueError, match=message):
            RoomResponses(tmp_path).response(0, RATE)
    with pytest.raises(ValueError, match="responses must go without anechoic and array"):
        SceneSynthesizer(responses=tmp_path, anechoic=True)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.sofa"):
        RoomResponses(tmp_path / "none.sofa")
