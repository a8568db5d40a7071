"""`seldkit score --protocol dcase2026` tells what the metrics say of energy maps."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from random_maps import random_maps
from seldkit.io import read_maps, write_maps
from seldkit.metrics import DenseMapMetrics

Seldkit = Callable[..., tuple[int, str, str]]

SCORE = ("score", "reference", "prediction", "--protocol", "dcase2026")


@pytest.fixture
def maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two recordings, and predictions that end as those of the baseline do."""
    monkeypatch.chdir(tmp_path)
    for side in ("reference", "prediction"):
        Path(side).mkdir()
    for seed, name in enumerate(("mix001", "mix002")):
        write_maps(Path("reference", f"{name}_std.json"), random_maps(seed, 4, scores=False))
        write_maps(Path("prediction", f"{name}_inference.json"), random_maps(seed, 4))


def counted(**settings: str) -> DenseMapMetrics:
    metrics = DenseMapMetrics("dcase2026", **settings)  # type: ignore[arg-type]
    for name in ("mix001", "mix002"):
        metrics.update(
            read_maps(f"prediction/{name}_inference.json"), read_maps(f"reference/{name}_std.json")
        )
    return metrics


def test_the_published_report_in_a_table(seldkit: Seldkit, golden: Callable[[str], Path]) -> None:
    folder = golden("recent/saiseld")
    code, out, err = seldkit(
        "score", folder / "gt", folder / "exp", "--protocol", "dcase2026", "--by-class"
    )
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    assert "protocol=dcase2026 average=pairs" in text
    assert "clips Mask mAP Mask AP50 Pearson r Distance RDE all 0.296 0.661 0.818 0.134" in text
    assert "clapping 0.428" in text or "clapping 0.429" in text
    assert "knock nan nan nan nan" in text


@pytest.mark.usefixtures("maps")
def test_json_holds_all(seldkit: Seldkit) -> None:
    code, out, _ = seldkit(*SCORE, "--average", "macro", "--jackknife", "--json", "-")
    assert code == 0
    told = json.loads(out)
    scores = counted(average="macro").compute()
    assert told["average"] == "macro"
    assert told["num_clips"] == 2
    assert told["scores"]["clips"]["all"] == pytest.approx(scores.as_dict())
    assert set(told["scores"]["jackknife"]) == {
        "estimate",
        "bias",
        "standard error",
        "low",
        "high",
    }


@pytest.mark.usefixtures("maps")
def test_a_missing_prediction_is_told_or_nothing(seldkit: Seldkit) -> None:
    Path("prediction/mix002_inference.json").unlink()
    code, _, err = seldkit(*SCORE)
    assert code == 2
    assert "mix002_std.json has no prediction" in err
    code, out, _ = seldkit(*SCORE, "--missing", "empty", "--num-classes", 3, "--by-class")
    assert code == 0
    assert "num_clips=2" in out
    assert "\n2 " in out


@pytest.mark.usefixtures("maps")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by-overlap",), "dcase2026 does not take --by-overlap"),
        (("--frames", "clip", "--absent-classes", "skip"), "take --frames, --absent-classes"),
        (("--tracks", "--check", "strict"), "does not take --tracks, --check: it scores"),
        (("--num-frames", "7"), "does not take --num-frames"),
        (("--num-classes", "0"), "--num-classes must be from 1 to"),
        (("--angle-threshold-deg", "0"), "angle_threshold_deg must be positive, got 0"),
        (("--average", "micro"), "--average must be 'pairs' or 'macro' for dcase2026"),
    ],
)
def test_what_says_nothing_of_maps_is_told(
    seldkit: Seldkit, options: tuple[str, ...], told: str
) -> None:
    code, _, err = seldkit(*SCORE, *options)
    assert code == 2
    assert told in err


@pytest.mark.usefixtures("maps")
def test_one_clip_has_no_jackknife(seldkit: Seldkit) -> None:
    pair = ("reference/mix001_std.json", "prediction/mix001_inference.json")
    code, _, err = seldkit("score", *pair, "--protocol", "dcase2026", "--jackknife")
    assert code == 2
    assert "at least 2 clips, got 1" in err
