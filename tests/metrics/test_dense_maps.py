"""Scores of energy maps are the published ones, and do not depend on what must not matter."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from random_maps import random_maps
from seldkit.events import EnergyMaps
from seldkit.io import read_maps
from seldkit.metrics import DenseMapMetrics, DenseMapScores, jackknife
from seldkit.metrics.average_precision import average_precision, greedy_hits
from seldkit.metrics.map_pairs import MapSettings, compare

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=3)
RECORDINGS = [f"fold4_room{room}_mix001" for room in range(3)]


def moved(maps: EnergyMaps, seed: int, degrees: float = 3.0) -> EnergyMaps:
    """Return a prediction that is off by a few degrees, with other energies and scores."""
    generator = np.random.default_rng(seed)
    turn = torch.from_numpy(generator.normal(0, degrees, len(maps)))[maps.row]
    return EnergyMaps(
        maps.frame,
        maps.label,
        maps.row,
        (maps.azimuth_deg + turn + 180) % 360 - 180,
        maps.elevation_deg,
        generator.uniform(0.1, 1, len(maps.row)),
        distance=None if maps.distance is None else maps.distance * 1.1,
        score=generator.random(len(maps)).round(1),
    )


def scored(*pairs: tuple[EnergyMaps, EnergyMaps], **settings: Any) -> DenseMapScores:
    metrics = DenseMapMetrics("dcase2026", num_classes=3, **settings)
    for prediction, reference in pairs:
        metrics.update(prediction, reference)
    return metrics.compute()


def same(one: DenseMapScores, other: DenseMapScores, tolerance: float = 1e-9) -> None:
    assert one.as_dict() == pytest.approx(other.as_dict(), abs=tolerance, nan_ok=True)


def test_scores_are_those_that_the_script_printed(golden: Callable[[str], Path]) -> None:
    folder = golden("recent/saiseld")
    metrics = DenseMapMetrics("dcase2026")
    for name in RECORDINGS:
        metrics.update(
            read_maps(folder / "exp" / "inference_outputs" / f"{name}_inference.json"),
            read_maps(folder / "gt" / "test" / f"{name}.json"),
        )
    scores = metrics.compute()
    printed = (folder / "exp" / "eval_summary.txt").read_text()
    values = [line.split(":")[-1].split()[0] for line in printed.splitlines() if " : " in line]
    assert f"{scores.mean_average_precision:.4f}" == values[2]
    assert f"{scores.average_precision_50:.4f}" == values[3]
    assert f"{scores.correlation:.4f}" == values[4]
    assert f"{100 * scores.relative_distance_error:.2f}" == values[5]
    by_class = [f"{ap:.4f}" for ap in scores.per_class["mean_average_precision"].tolist()]
    assert [ap.replace("nan", "N/A") for ap in by_class] == values[6:]
    assert scores.counts == {"references": 57, "detections": 62, "pairs": 43}
    error = jackknife(metrics)["correlation"].standard_error
    assert isinstance(error, float)
    assert 0 < error < 0.1


@given(SEEDS)
@few
def test_masks_are_judged_as_pycocotools_does(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="the judge is not installed")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    encoding = pytest.importorskip("pycocotools.mask")
    reference = random_maps(seed, rows=10, classes=2, frames=3, scores=False)
    prediction = moved(reference, seed)
    chosen = np.random.default_rng(seed).integers(0, 10, 14)
    prediction = prediction.select(torch.from_numpy(chosen))

    def annotations(maps: EnergyMaps) -> list[dict[str, Any]]:
        drawn = maps.render(doubled_columns=True)
        masks = drawn >= (0.1 * drawn.amax(dim=(1, 2)))[:, None, None]
        return [
            {
                "id": number + 1,
                "image_id": int(maps.frame[number]),
                "category_id": int(maps.label[number]) + 1,
                "segmentation": encoding.encode(np.asfortranarray(mask.numpy().astype(np.uint8))),
                "area": int(mask.sum()),
                "bbox": [0, 0, 1, 1],
                "iscrowd": 0,
                "score": 0.0 if maps.score is None else float(maps.score[number]),
            }
            for number, mask in enumerate(masks)
        ]

    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": frame, "width": 360, "height": 180} for frame in range(3)],
        "annotations": annotations(reference),
        "categories": [{"id": label + 1} for label in range(3)],
        "info": {},
    }
    truth.createIndex()
    judge = evaluation.COCOeval(truth, truth.loadRes(annotations(prediction)), "segm")
    judge.evaluate()
    judge.accumulate()
    table = judge.eval["precision"][:, :, :, 0, 2]
    known = table[0, 0] > -1
    ours = scored((prediction, reference)).per_class["mean_average_precision"]
    assert ours.isnan().tolist() == (~known).tolist()
    np.testing.assert_allclose(ours[known], table.mean(axis=(0, 1))[known], atol=1e-12)


@given(SEEDS)
@few
def test_the_truth_scores_perfectly(seed: int) -> None:
    maps = random_maps(seed, rows=8, frames=8)
    scores = scored((maps, maps))
    assert scores.mean_average_precision == pytest.approx(1)
    assert scores.correlation == pytest.approx(1)
    assert scores.relative_distance_error == 0


@given(SEEDS)
@few
def test_turning_and_mirroring_both_sides_changes_nothing(seed: int) -> None:
    reference = random_maps(seed, rows=8)
    prediction = moved(reference, seed)

    def turned(maps: EnergyMaps, sign: int, by: float) -> EnergyMaps:
        azimuth = (sign * maps.azimuth_deg + by + 180) % 360 - 180
        return EnergyMaps(
            maps.frame,
            maps.label,
            maps.row,
            azimuth,
            maps.elevation_deg,
            maps.energy,
            distance=maps.distance,
            score=maps.score,
        )

    plain = scored((prediction, reference))
    for sign, by in ((1, 90.0), (-1, 0.0)):
        changed = scored((turned(prediction, sign, by), turned(reference, sign, by)))
        same(changed, plain, 5e-3)  # borders of masks round elsewhere, and r ends at the seam


@given(SEEDS)
@few
def test_clips_add_up_in_any_accumulator(seed: int) -> None:
    pairs = [
        (moved(reference, seed), reference)
        for reference in (random_maps(seed + i, rows=4) for i in range(3))
    ]
    whole = DenseMapMetrics("dcase2026", 3)
    parts = [DenseMapMetrics("dcase2026", 3) for _ in pairs]
    for part, pair in zip(parts, pairs, strict=True):
        whole.update(*pair)
        part.update(*pair)
    merged = pickle.loads(pickle.dumps(parts[0]))
    for part in parts[1:]:
        merged.merge(part)
    same(merged.compute(), whole.compute())
    assert merged.num_clips == 3
    plain, partial = whole.with_and_without()
    alone = DenseMapMetrics("dcase2026", 3)
    alone.merge(parts[1])
    alone.merge(parts[2])
    for name, values in partial.items():
        assert values[0].item() == pytest.approx(getattr(alone.compute(), name), nan_ok=True)
        assert plain[name].item() == pytest.approx(getattr(whole.compute(), name), nan_ok=True)
    assert jackknife(whole, per_class=True)["correlation"].low.shape == (3,)  # type: ignore[union-attr]


def test_scores_by_hand() -> None:
    def points(*rows: tuple[int, int, float, float], score: list[float] | None) -> EnergyMaps:
        frame, label, azimuth, distance = zip(*rows, strict=True)
        number = range(len(rows))
        zeros, ones = [0.0] * len(rows), [1.0] * len(rows)
        return EnergyMaps(
            frame, label, number, azimuth, zeros, ones, distance=distance, score=score
        )

    reference = points((0, 0, 10, 2.0), (0, 1, 90, 1.0), (1, 0, -40, 4.0), score=None)
    # One right, one of another class, one 25 degrees off, one with nothing there.
    prediction = points(
        (0, 0, 10, 1.0), (0, 2, 90, 1.0), (1, 0, -65, 4.0), (3, 1, 0, 1.0), score=[0.9, 0.8, 0.7, 1]
    )
    scores = scored((prediction, reference))
    half = 51 / 101  # recalls 0, 0.01, ... 0.50 are reached, by one right of one
    assert scores.per_class["average_precision_50"].tolist() == pytest.approx(
        [half, 0, float("nan")], nan_ok=True
    )
    assert scores.average_precision_50 == pytest.approx(half / 2)
    assert scores.correlation == pytest.approx(1)
    assert scores.relative_distance_error == pytest.approx(0.5)
    assert scores.counts == {"references": 3, "detections": 4, "pairs": 1}
    assert list(scores.as_dict()) == ["Mask mAP", "Mask AP50", "Pearson r", "Distance RDE"]


def test_means_over_pairs_and_over_classes_differ() -> None:
    def rows(distance: list[float]) -> EnergyMaps:
        return EnergyMaps(
            [0, 1, 2], [0, 0, 1], [0, 1, 2], [0.0] * 3, [0.0] * 3, [1] * 3, distance=distance
        )

    pair = rows([1.1, 1.1, 1.4]), rows([1.0, 1.0, 1.0])
    assert scored(pair).relative_distance_error == pytest.approx(0.2)
    macro = scored(pair, average="macro")
    assert macro.relative_distance_error == pytest.approx(0.25)


def test_columns_that_are_drawn_twice_change_the_mask() -> None:
    up = EnergyMaps([0], [0], [0], [20.0], [-89.9], [0.8])
    once = scored((up, up), counting="corrected")
    twice = scored((up, up))
    same(once, twice)
    settings = [MapSettings(6.0, 0.1, 20.0, each) for each in ("published", "corrected")]
    drawn = [up.render(doubled_columns=each.counting == "published") for each in settings]
    areas = [int((maps >= 0.1 * maps.max()).sum()) for maps in drawn]
    assert areas[0] < areas[1]


@pytest.mark.parametrize("side", ["prediction", "reference", "both"])
def test_nothing_is_no_error(side: Literal["prediction", "reference", "both"]) -> None:
    maps, nothing = random_maps(0, rows=3), EnergyMaps([], [], [], [], [], [])
    prediction = maps if side == "reference" else nothing
    reference = maps if side == "prediction" else nothing
    scores = scored((prediction, reference))
    if side == "prediction":
        assert scores.mean_average_precision == 0
    else:
        assert np.isnan(scores.mean_average_precision)
    assert np.isnan(scores.correlation)
    assert np.isnan(scores.relative_distance_error)


def test_rows_without_energy_are_no_maps() -> None:
    maps = EnergyMaps([0, 0], [0, 0], [0, 1], [0, 50], [0, 0], [1, 0], score=[0.5, 0.9])
    assert scored((maps, maps)).counts == {"references": 1, "detections": 1, "pairs": 1}


def test_the_hundred_best_of_a_frame_count() -> None:
    many = EnergyMaps(
        [0] * 103, [0] * 103, range(103), [0] * 103, [0] * 103, [1] * 103, score=range(103)
    )
    records = compare(
        many, many.select(torch.tensor([0])), 1, MapSettings(6.0, 0.1, 20.0, "published")
    )
    assert sorted(records.score.tolist()) == list(range(3, 103))


def test_of_equal_references_the_last_is_taken() -> None:
    hits = greedy_hits(torch.tensor([[[0.9, 0.9], [-1.0, 0.9], [0.6, 0.2]]]).double())
    assert hits[0, 0].tolist() == [True, False, True]


def test_precision_by_hand() -> None:
    right = torch.tensor([[False, True, True], [False, False, False]])
    # By score: right, wrong, right; precision 1 up to recall 1/4, then 2/3 up to 1/2.
    found = average_precision(torch.tensor([0.5, 0.9, 0.1]), right, positives=4)
    assert found.tolist() == pytest.approx([(26 + 25 * 2 / 3) / 101, 0])
    assert average_precision(torch.zeros(0), torch.zeros(1, 0).bool(), positives=2).item() == 0
    assert average_precision(torch.zeros(0), torch.zeros(1, 0).bool(), positives=0).isnan().all()


def test_it_tells_its_settings() -> None:
    assert repr(DenseMapMetrics("dcase2026", 2)) == (
        "DenseMapMetrics('dcase2026', num_classes=2, average='pairs', sigma_deg=6.0,"
        " mask_threshold=0.1, angle_threshold_deg=20.0, counting='published', clips=0)"
    )


@pytest.mark.messages
def test_wrong_settings_and_maps_are_told() -> None:
    maps = random_maps(0, rows=3)
    with pytest.raises(ValueError, match="protocol must be one of 'dcase2026', got 'dcase2025'"):
        DenseMapMetrics("dcase2025")
    with pytest.raises(ValueError, match="mask_threshold must be at most 1, got 2"):
        DenseMapMetrics(mask_threshold=2)
    with pytest.raises(ValueError, match="average must be one of 'pairs', 'macro'"):
        DenseMapMetrics(average="micro")  # type: ignore[arg-type]
    metrics = DenseMapMetrics(num_classes=1)
    with pytest.raises(ValueError, match="compute needs at least one clip"):
        metrics.compute()
    with pytest.raises(TypeError, match="prediction must be EnergyMaps, got int"):
        metrics.update(3, maps)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prediction.label must be below num_classes=1"):
        metrics.update(maps, maps)
    point = EnergyMaps([0], [0], [0], [0], [0], [1])
    with pytest.raises(ValueError, match=r"prediction.frame_s must be 0.1 as the reference's"):
        metrics.update(EnergyMaps([0], [0], [0], [0], [0], [1], frame_s=0.2), point)
    with pytest.raises(TypeError, match="other must be DenseMapMetrics, got int"):
        metrics.merge(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"other.average must be 'pairs' as here, got 'macro'"):
        metrics.merge(DenseMapMetrics(num_classes=1, average="macro"))
    rounded = EnergyMaps([0], [0], [0], [0], [0], [1], frame_s=0.1 * (1 + 1e-9))
    metrics.update(rounded, point)
    assert metrics.num_clips == 1
