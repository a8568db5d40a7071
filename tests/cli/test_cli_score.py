"""`seldkit score` tells what the metrics say of label files."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from math import isnan
from pathlib import Path

import pytest

from seldkit.events import Events
from seldkit.io import read_events, write_events
from seldkit.io.editions import FORMATS
from seldkit.metrics import SELDMetrics, jackknife
from seldkit.metrics.protocols import PROTOCOLS

Seldkit = Callable[..., tuple[int, str, str]]
Write = Callable[[str, str], Path]

SCORE = ("score", "reference", "prediction", "--protocol")
TWO = ("dcase2023", "--num-classes", "2")


def numbers(text: str, label: str) -> list[float]:
    """Return the numbers in the row of this label."""
    (row,) = [line for line in text.splitlines() if line.startswith(f"{label}  ")]
    return [float(cell) for cell in row.removeprefix(label).split()]


def counted(protocol: str = "dcase2023") -> SELDMetrics:
    """Return the metrics of the two clips."""
    metrics = SELDMetrics(protocol, 2)
    for name in ("mix001.csv", "mix002.csv"):
        metrics.update(read_events(f"prediction/{name}"), read_events(f"reference/{name}"))
    return metrics


@pytest.mark.usefixtures("clips")
def test_the_table_is_the_one_that_a_hand_computes(seldkit: Seldkit) -> None:
    assert seldkit(*SCORE, *TWO) == (
        0,
        "protocol=dcase2023 average=macro frames=official absent_classes=published\n"
        "frame_s=0.1 counting=published angle_threshold_deg=20.0 block_frames=10\n"
        "num_classes=2 num_clips=2\n\n"
        "clips     ER      F      LE     LR   SELD\n"
        "all    0.400  0.600  10.750  0.833  0.257\n",
        "",
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_each_protocol_reads_its_own_format(
    seldkit: Seldkit, tmp_path: Path, protocol: str
) -> None:
    columns = ([0, 1, 7], [0, 1, 1], [0, 60, 90], [0, 0, 0])
    events = Events.from_degrees(
        *columns, distance=[1, 2, 3], onscreen=[0, 1, 1], frame_s=FORMATS[protocol].frame_s
    )
    for side in ("reference", "prediction"):
        (tmp_path / side).mkdir()
        write_events(tmp_path / side / "clip.csv", events, format=protocol)
    code, out, _ = seldkit(*SCORE, protocol, "--num-classes", 2, "--num-frames", 50)
    metrics = SELDMetrics(protocol, 2)
    metrics.update(events, replace(events, num_frames=50))
    expected = list(metrics.compute().as_dict().values())
    assert code == 0
    assert numbers(out, "all") == pytest.approx(expected, abs=2e-3, nan_ok=True)


@pytest.mark.usefixtures("clips")
def test_classes_and_intervals_have_rows_in_the_same_columns(seldkit: Seldkit) -> None:
    _, out, err = seldkit(*SCORE, *TWO, "--by-class", "--jackknife")
    assert err == ""
    assert numbers(out, "0") == [3, 2, 2, 0, 0, 1, 0.4, 0.8, 6.5, 0.667, 0.242]
    assert numbers(out, "1") == [2, 3, 1, 1, 1, 0, 0.4, 0.4, 15.0, 1.0, 0.271]
    interval = jackknife(counted())["f_score"]
    for part in interval._fields:
        told = numbers(out, part.replace("_", " "))
        assert told[1] == pytest.approx(getattr(interval, part), abs=5e-4)
    clips, intervals, classes = (line for line in out.splitlines() if " ER " in line)
    assert clips.index("SELD") == intervals.index("SELD")
    assert classes.split() == "class Nref Nsys TP FP FP_spatial FN ER F LE LR SELD".split()


@pytest.mark.usefixtures("clips")
def test_overlaps_have_rows_too(seldkit: Seldkit) -> None:
    # Seconds: in mix001 two with two sources, one of them of one class; in mix002 one with one.
    _, out, err = seldkit(*SCORE, *TWO, "--by-overlap", "--average", "micro")
    assert err == ""
    assert numbers(out, "1")[:2] == [1, 1]
    assert numbers(out, "2") == [4, 4, 2, 1, 1, 1, 0.5, 0.5, 14.333, 0.75, 0.332]
    assert numbers(out, "2, same class")[:2] == [2, 2]
    # Frames: one source in 0, 11 and those of mix002, but for those that are last.
    _, out, _ = seldkit(*SCORE, "dcase2024", "--num-classes", 2, "--by-overlap")
    assert numbers(out, "1")[:2] == [2, 2]
    assert numbers(out, "2")[:2] == [4, 3]


@pytest.mark.usefixtures("clips")
def test_tracks_have_a_row(seldkit: Seldkit, write: Write) -> None:
    _, out, _ = seldkit(*SCORE, *TWO, "--tracks")
    assert "\ntracks   MOTA      LE  IDS  Frag      P      R   IDF1    OSPA   GOSPA\n" in out
    _, out, _ = seldkit(*SCORE, *TWO, "--tracks", "--angle-threshold-deg", 180)
    assert numbers(out.split("\n\n")[-1], "all")[2:4] == [1, 0]
    write("reference/mix001.csv", "0,0,3,10,0\n0,0,3,50,0\n")
    code, _, err = seldkit(*SCORE, *TWO, "--tracks", "--check", "off")
    assert code == 2
    assert "mix001: reference.source must tell the tracks of a class apart" in err


@pytest.mark.usefixtures("clips")
def test_json_goes_to_the_standard_output_if_asked(seldkit: Seldkit, tmp_path: Path) -> None:
    words = ("dcase2023", "--num-classes", 2, "--by-class", "--json")
    seldkit(*SCORE, *words, "it.json")
    code, out, err = seldkit(*SCORE, *words, "-")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "it.json").read_text())
    assert not (tmp_path / "-").exists()


@pytest.mark.usefixtures("clips")
@pytest.mark.parametrize("place", ["gone/scores.json", "reference"])
def test_a_json_file_that_cannot_be_written_costs_no_table(seldkit: Seldkit, place: str) -> None:
    code, out, err = seldkit(*SCORE, *TWO, "--json", place)
    assert code == 2
    assert numbers(out, "all") == [0.4, 0.6, 10.75, 0.833, 0.257]
    assert err.startswith("seldkit score: error: --json must be a file that can be written, got ")


@pytest.mark.usefixtures("clips")
def test_predictions_beyond_the_length_that_is_said_are_told(seldkit: Seldkit) -> None:
    _, _, err = seldkit(*SCORE, *TWO, "--num-frames", 12)
    assert err == ""
    words = ("dcase2020", "--format", "dcase2023", "--frames", "clip", "--num-frames", 3)
    Path("reference/mix001.csv").write_text("0,0,0,10,0\n")
    Path("reference/mix002.csv").write_text("0,1,0,30,0\n")
    _, _, err = seldkit(*SCORE, *words)
    assert err == "note: predictions beyond --num-frames 3, not in the clip: 3\n"


def test_json_has_no_number_that_json_does_not_know(seldkit: Seldkit, write: Write) -> None:
    write("reference/a.csv", "")
    write("prediction/a.csv", "0,0,0,0\n")
    words = ("dcase2019", "--json", "-")
    scores = json.loads(seldkit(*SCORE, *words)[1], parse_constant=pytest.fail)["scores"]
    assert scores["clips"]["all"]["ER"] == "inf"


@pytest.mark.usefixtures("clips")
def test_the_json_file_holds_the_same_unrounded(seldkit: Seldkit, tmp_path: Path) -> None:
    scores = counted("dcase2024").compute()
    words = ("dcase2024", "--num-classes", 2, "--by-class", "--json", "it.json")
    _, out, err = seldkit(*SCORE, *words)
    told = json.loads((tmp_path / "it.json").read_text())
    assert "all" in out
    assert told["protocol"] == "dcase2024"
    assert told["frames"] == "official"
    assert told["relative_distance_threshold"] == 1.0
    assert told["num_clips"] == 2
    row = told["scores"]["clips"]["all"]
    assert row["F"] == scores.f_score
    assert row["DOAE"] == scores.localization_error_deg
    assert err.startswith("note: clips without distances: 2 of 2")
    assert isnan(scores.distance_error_m)
    assert row["DistE"] is None
    assert told["scores"]["class"]["0"]["F"] == scores.per_class["f_score"][0].item()
    seldkit(*SCORE, "dcase2024", "--relative-distance-threshold", "inf", "--json", "it.json")
    assert json.loads((tmp_path / "it.json").read_text())["relative_distance_threshold"] == "inf"


@pytest.mark.usefixtures("clips")
def test_classes_are_as_many_as_published_said_or_needed(seldkit: Seldkit, write: Write) -> None:
    _, out, err = seldkit(*SCORE, "dcase2023")
    assert "num_classes=13" in out
    assert "score 0 in the mean, as published: 11 of 13 in row 'all' (--absent-classes skip" in err
    _, out, err = seldkit(*SCORE, "dcase2023", "--absent-classes", "skip")
    assert (numbers(out, "all")[1], err) == (0.6, "")
    _, out, err = seldkit(*SCORE, "dcase2021")
    assert "num_classes=12" in out
    assert err == ""
    write("names.txt", "speech\ndoor\n")
    _, out, err = seldkit(*SCORE, "dcase2023", "--classes", "names.txt", "--by-class")
    assert "num_classes=2" in out
    assert numbers(out, "door")[:3] == [2, 3, 1]
    write("prediction/mix002.csv", "0,19,0,30,0\n")
    _, out, err = seldkit(*SCORE, "dcase2023", "--average", "micro")
    assert "num_classes=20" in out
    assert err == (
        "note: labels go up to 19: 20 classes are scored, not the 13 of dcase2023;"
        " --num-classes tells how many there are\n"
    )


@pytest.mark.parametrize("protocol", ["dcase2022", "dcase2024"])
def test_all_frames_reach_to_the_last_event_of_either_side(
    seldkit: Seldkit, write: Write, protocol: str
) -> None:
    write("reference/a.csv", "0,0,0,0,0\n3,0,0,0,0\n")
    write("prediction/a.csv", "0,0,0,0,0\n3,0,0,0,0\n50,0,0,0,0\n")
    words = (*SCORE, protocol, "--num-classes", 1)
    assert numbers(seldkit(*words)[1], "all")[:2] == [0, 1]
    f_score = {"dcase2022": 2 / 3, "dcase2024": 0.8}[protocol]
    for more in ((), ("--num-frames", 600)):
        _, out, _ = seldkit(*words, "--frames", "clip", *more)
        assert numbers(out, "all")[1] == pytest.approx(f_score, abs=1e-3)
    _, out, _ = seldkit(*words, "--frames", "clip", "--num-frames", 20)
    assert numbers(out, "all")[1] == 1


def test_labels_of_one_edition_score_by_the_rules_of_another(
    seldkit: Seldkit, write: Write
) -> None:
    write("reference/a.csv", "0,0,0,90,0,250\n1,0,0,90,0,250\n")
    write("prediction/a.csv", "0,0,0,0,1,0\n1,0,0,0,1,0\n")
    words = (*SCORE, "dcase2022", "--num-classes", 1)
    _, out, _ = seldkit(*words, "--reference-format", "dcase2023")
    assert numbers(out, "all")[:3] == [0, 1, 0]
    _, out, _ = seldkit(*words, "--format", "dcase2024", "--prediction-format", "dcase2022")
    assert numbers(out, "all")[:3] == [0, 1, 0]


def test_doubtful_rows_may_be_told_or_passed_over(seldkit: Seldkit, write: Write) -> None:
    write("reference/a.csv", "0,0,0,0,0\n1,0,0,0,0\n")
    write("prediction/a.csv", "0,0,0,5,0\n0,0,0,90,0\n1,0,0,5,0\n")
    words = (*SCORE, "dcase2023", "--num-classes", 1)
    place = str(Path("prediction", "a.csv"))
    code, out, err = seldkit(*words)
    assert (code, out) == (2, "")
    assert f"{place}, line 2: a source must be in one place at a time" in err
    code, out, err = seldkit(*words, "--check", "warn")
    assert code == 0
    assert err.startswith(f"note: {place}, line 2: a source must be in one place")
    assert seldkit(*words, "--check", "off") == (0, out, "")


def test_real_labels_score_perfectly_and_worse_when_disturbed(
    seldkit: Seldkit, data: Callable[[str], Path], tmp_path: Path
) -> None:
    labels = data("starss22_metadata") / "dev-test-tau"
    for path in labels.glob("*.csv"):
        events = read_events(path)
        turned = Events(
            events.frame, events.label, events.direction.roll(1, dims=1), source=events.source
        )
        (tmp_path / "turned").mkdir(exist_ok=True)
        write_events(tmp_path / "turned" / path.name, turned, format="dcase2023")
    words = ("--protocol", "dcase2023", "--absent-classes", "skip")
    code, out, _ = seldkit("score", labels, labels, *words, "--by-overlap")
    assert code == 0
    assert numbers(out, "all") == [0, 1, 0, 1, 0]
    for row in ("1", "2", "3", "2, same class"):
        assert numbers(out, row)[-5:] == [0, 1, 0, 1, 0]
    _, out, _ = seldkit("score", labels, "turned", *words)
    error_rate, f_score, angle, recall, seld_score = numbers(out, "all")
    assert recall == 1
    assert angle > 60
    assert f_score < 0.2
    assert error_rate > 0.8
    assert seld_score > 0.5


@pytest.mark.programs
@pytest.mark.usefixtures("clips")
def test_the_module_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "seldkit.cli", *SCORE, *TWO],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert numbers(done.stdout, "all")[1] == 0.6
