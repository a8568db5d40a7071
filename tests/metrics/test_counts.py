"""What must hold for the counts of every clip, and putting them together."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.random_clips import VARIANTS, Variant, random_clips
from seldkit.metrics.counts import Counts, concatenate, error_kinds

SEED = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=5)


@pytest.mark.parametrize(
    "variant", [v for v in VARIANTS if v.protocol in ("dcase2019", "dcase2020")], ids=str
)
@QUICK
@given(seed=SEED)
def test_every_class_of_a_second_is_hit_or_missed(variant: Variant, seed: int) -> None:
    counts = variant.measure(*random_clips(seed)).counts()
    assert torch.equal(counts.by_class["TP"] + counts.by_class["FN"], counts.by_class["Nref"])
    assert torch.equal(counts.by_class["Nref"].sum(dim=1), counts.overall["N"])


@pytest.mark.parametrize(
    "variant", [v for v in VARIANTS if v.protocol in ("dcase2024", "dcase2025")], ids=str
)
@QUICK
@given(seed=SEED)
def test_every_event_of_a_frame_is_in_a_pair_or_alone(variant: Variant, seed: int) -> None:
    counts = variant.measure(*random_clips(seed)).counts().by_class
    assert torch.equal(counts["TP"] + counts["FP_spatial"], counts["DE_TP"])
    assert torch.equal(counts["DE_TP"] + counts["FN"], counts["Nref"])
    assert torch.equal(counts["DE_TP"] + counts["FP"], counts["Nsys"])


@pytest.mark.parametrize("protocol", ["l3das22", "l3das23"])
@QUICK
@given(seed=SEED)
def test_published_matches_are_no_fewer_than_there_can_be(protocol: str, seed: int) -> None:
    clips = random_clips(seed)
    published, optimal = (
        Variant(protocol, {"matching": matching}).measure(*clips).counts().overall
        for matching in ("published", "optimal")
    )
    assert bool((published["TP"] >= optimal["TP"]).all())
    for counts in (published, optimal):
        assert torch.equal(counts["TP"] + counts["FN"], counts["Nref"])
        assert torch.equal(counts["TP"] + counts["FP"], counts["Nsys"])


def test_errors_pair_up_in_each_place_over_all_classes() -> None:
    # Two extra and one missing; one extra and three missing; nothing.
    extra, missing = torch.tensor([2, 1, 0]), torch.tensor([1, 3, 0])
    kinds = error_kinds(extra, missing, torch.tensor([1, 4, 4]))
    assert kinds["S"].tolist() == [1, 1, 0]
    assert kinds["D"].tolist() == [0, 2, 0]
    assert kinds["I"].tolist() == [1, 0, 0]
    assert kinds["N"].tolist() == [1, 4, 4]


def test_clips_stand_one_after_the_other() -> None:
    first = Counts({"TP": torch.tensor([[1, 2]])}, {"S": torch.tensor([3])})
    more = Counts({"TP": torch.tensor([[4, 5], [6, 7]])}, {"S": torch.tensor([8, 9])})
    both = concatenate([first, more])
    assert both.by_class["TP"].tolist() == [[1, 2], [4, 5], [6, 7]]
    assert both.overall["S"].tolist() == [3, 8, 9]
    assert both.total().by_class["TP"].tolist() == [11, 14]
    assert both.without_each().by_class["TP"].tolist() == [[10, 12], [7, 9], [5, 7]]
    assert both.without_each().overall["S"].tolist() == [17, 12, 11]


def test_counts_stand_by_class_or_together() -> None:
    # TP is counted apart over all classes too, S only there.
    counts = Counts(
        {"TP": torch.tensor([1, 2]), "FP": torch.tensor([3, 4])},
        {"TP": torch.tensor(5), "S": torch.tensor(6)},
    )
    each = {name: count.tolist() for name, count in counts.each_class().items()}
    assert each == {"TP": [1, 2], "FP": [3, 4], "S": [6]}
    together = {name: count.item() for name, count in counts.together().items()}
    assert together == {"TP": 5, "FP": 7, "S": 6}
