"""Loss scale balancing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.losses import DistanceTaskLosses, LossScaleBalancer, TaskLosses

CASES: dict[str, Callable[[], LossScaleBalancer]] = {
    "running_mu05": LossScaleBalancer,
    "running_mu03": lambda: LossScaleBalancer({"sed": 0.3, "doa": 0.7}),
    "period5_mu05": lambda: LossScaleBalancer(record=5),
    "period4_mu07": lambda: LossScaleBalancer({"sed": 1.4, "doa": 0.6}, record=4),
    "period5_mu05_beta0": lambda: LossScaleBalancer(record=5, exponent=0.0),
    "period5_mu05_beta05": lambda: LossScaleBalancer(record=5, exponent=0.5),
    "instant_mu05": lambda: LossScaleBalancer(record=1),
    "instant_mu03": lambda: LossScaleBalancer({"sed": 0.3, "doa": 0.7}, record=1),
    "three_tasks_period4": lambda: LossScaleBalancer(
        {"sed": 5.0, "doa": 3.0, "distance": 2.0}, record=4
    ),
}
TASKS = ("sed", "doa", "distance")


def run(
    balancer: LossScaleBalancer, rows: Tensor, tasks: tuple[str, ...] = TASKS
) -> tuple[Tensor, Tensor]:
    """Return the weights `[step, task]` and totals `[step]` of losses `[step, task]`."""
    weights, totals = [], []
    for row in rows:
        totals.append(balancer(dict(zip(tasks, row, strict=False))))
        weights.append([balancer.weights[task] for task in tasks[: len(row)]])
    return torch.tensor(weights, dtype=rows.dtype), torch.stack(totals)


def log_normal(num_steps: int, num_tasks: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_steps, num_tasks, dtype=torch.float64, generator=generator).exp()


@pytest.mark.filterwarnings("ignore:record=1")
@pytest.mark.parametrize("case", CASES)
def test_weights_and_totals_are_those_of_the_equations(
    case: str, golden: Callable[[str], Path]
) -> None:
    with np.load(golden("roam/loss_balancer.npz")) as file:
        rows = torch.from_numpy(file["losses3" if "three" in case else "losses"])
        weights, totals = run(CASES[case](), rows)
        np.testing.assert_allclose(weights, file[f"{case}/eff"], rtol=1e-10, atol=0)
        np.testing.assert_allclose(totals, file[f"{case}/total"], rtol=1e-10, atol=0)


def test_the_misprint_of_equation_12_is_not_followed(golden: Callable[[str], Path]) -> None:
    with np.load(golden("roam/loss_balancer.npz")) as file:
        weights, _ = run(CASES["running_mu03"](), torch.from_numpy(file["losses"]))
        assert weights.max() < 10 < 1000 < file["running_mu03_typo12/eff"].max()


def test_a_record_in_the_state_is_that_of_the_equations(golden: Callable[[str], Path]) -> None:
    with np.load(golden("roam/loss_balancer.npz")) as file:
        balancer = CASES["period4_mu07"]()
        run(balancer, torch.from_numpy(file["losses"]))
        latest, before = balancer.last_means.flip(1)  # to SED, DOA
        np.testing.assert_allclose(latest, file["period4_mu07/gamma"][-1], rtol=1e-12)
        np.testing.assert_allclose(before, file["period4_mu07/gamma"][-2], rtol=1e-12)
        np.testing.assert_allclose(balancer.last_total, file["period4_mu07/gamma_total"][-1])
        assert balancer.num_records == 5


@settings(max_examples=25)
@given(
    seed=st.integers(0, 99),
    record=st.sampled_from(["running", 2, 3]),
    exponent=st.floats(0.0, 2.0),
    mu=st.floats(0.1, 0.9),
)
def test_new_weights_keep_the_total_of_the_last_record(
    seed: int, record: str | int, exponent: float, mu: float
) -> None:
    balancer = LossScaleBalancer({"sed": mu, "doa": 1 - mu}, record=record, exponent=exponent)  # type: ignore[arg-type]
    for row in log_normal(12, 2, seed):
        balancer({"sed": row[0], "doa": row[1]})
        if balancer.num_records > 0:
            expected = balancer.last_total.clone()
            means = balancer.last_means[0].clone()
            balancer.eval()(dict(zip(balancer.tasks, means, strict=True)))
            weights = torch.tensor(list(balancer.train().weights.values()), dtype=torch.float64)
            torch.testing.assert_close((weights * means).sum(), expected)


def test_without_exponent_the_shares_are_the_priorities() -> None:
    balancer = LossScaleBalancer({"sed": 3.0, "doa": 1.0}, exponent=0.0)
    for row in log_normal(8, 2):
        balancer({"sed": row[0], "doa": row[1]})
    doa, sed = balancer.last_means[0]
    balancer.eval()({"sed": sed, "doa": doa})
    assert balancer.weights["sed"] * sed.item() == pytest.approx(0.75 * balancer.last_total.item())
    assert balancer.weights["doa"] * doa.item() == pytest.approx(0.25 * balancer.last_total.item())


@settings(max_examples=25)
@given(factor=st.floats(1e-3, 1e3), record=st.sampled_from(["running", 3]))
def test_the_scale_of_a_loss_does_not_matter(factor: float, record: str | int) -> None:
    rows, scale = log_normal(10, 3), torch.tensor([factor, 1.0, 1.0], dtype=torch.float64)
    shares = []
    for scaled in (rows, rows * scale):
        balancer = LossScaleBalancer(tasks=TASKS, record=record)  # type: ignore[arg-type]
        weighted = run(balancer, scaled)[0] * scaled
        shares.append((weighted / weighted.sum(dim=1, keepdim=True))[3:])
    torch.testing.assert_close(*shares)


def test_the_slow_loss_is_stressed() -> None:
    balancer = LossScaleBalancer(record=2)
    fast, slow = 0.5 ** torch.arange(8.0), 0.9 ** torch.arange(8.0)
    weights, _ = run(balancer, torch.stack([fast, slow], dim=1))
    share = weights[-1] * balancer.last_means[0].flip(0)
    assert share[1] > share[0]


def test_an_exponent_set_between_calls_counts_from_the_next() -> None:
    rows = log_normal(5, 2)
    scheduled, fixed = LossScaleBalancer(exponent=0.0), LossScaleBalancer(exponent=0.0)
    run(scheduled, rows[:4])
    run(fixed, rows[:4])
    scheduled.exponent = 1.0
    assert not torch.equal(run(scheduled, rows[4:])[0], run(fixed, rows[4:])[0])


def test_any_tuple_of_named_losses_will_do() -> None:
    two, three = LossScaleBalancer(), LossScaleBalancer(tasks=TASKS)
    one = torch.tensor(1.0)
    assert two(TaskLosses(one, 3 * one)) == 2
    assert three(DistanceTaskLosses(one, one, one)) == 1
    assert list(three.weights) == ["distance", "doa", "sed"]


def test_a_step_that_is_not_finite_is_not_recorded() -> None:
    rows = log_normal(9, 2)
    plain, disturbed = LossScaleBalancer(record=2), LossScaleBalancer(record=2)
    expected, _ = run(plain, rows)
    got = []
    for row in rows:
        for wrong in (float("nan"), float("inf"), -float("inf")):
            total = disturbed({"sed": row[0], "doa": torch.tensor(wrong)})
            assert not total.isfinite()
        got.append(run(disturbed, row.unsqueeze(0))[0])
    torch.testing.assert_close(torch.cat(got), expected, rtol=0, atol=0)


@pytest.mark.parametrize("record", ["running", 2])
def test_a_loss_of_zero_leaves_finite_weights_that_recover(record: str | int) -> None:
    rows = log_normal(20, 2)
    rows[:3, 1] = 0
    rows[8:11, 0] = 0
    rows[12] = 0
    weights, totals = run(LossScaleBalancer(record=record), rows)  # type: ignore[arg-type]
    assert (weights[:4] == 0.5).all()
    assert ((weights > 1e-2) & (weights < 1e2)).all()
    assert (totals < 1e2).all()


def test_a_loss_that_stays_zero_keeps_the_weights() -> None:
    rows = log_normal(12, 2)
    rows[6:, 1] = 0
    weights, _ = run(LossScaleBalancer(record=2), rows)
    assert (weights[6:] == weights[6]).all()


def test_validation_leaves_no_trace() -> None:
    balancer = LossScaleBalancer()
    run(balancer, log_normal(4, 2))
    before = {name: x.clone() for name, x in balancer.state_dict().items()}
    balancer.eval()
    weights, _ = run(balancer, log_normal(4, 2, seed=1))
    assert (weights == weights[0]).all()
    assert all(torch.equal(x, before[name]) for name, x in balancer.state_dict().items())


def test_records_are_as_precise_as_the_losses() -> None:
    balancer = LossScaleBalancer()
    for dtype, expected in (
        (torch.bfloat16, torch.float32),
        (torch.float64, torch.float64),
        (torch.float32, torch.float64),
    ):
        balancer({"sed": torch.tensor(1.0, dtype=dtype), "doa": torch.tensor(2.0, dtype=dtype)})
        assert balancer.last_means.dtype == expected


def test_many_steps_do_not_wear_out_a_running_record() -> None:
    balancer = LossScaleBalancer()
    one = {"sed": torch.tensor(1.0), "doa": torch.tensor(1.0)}
    balancer(one)
    balancer.running_steps.fill_(2**26)  # where a sum in float32 would no longer grow
    balancer({"sed": torch.tensor(2.0**25), "doa": torch.tensor(1.0)})
    assert balancer.last_means[0].tolist() == [1.0, 1.5]


@pytest.mark.messages
def test_wrong_settings_are_named() -> None:
    with pytest.raises(ValueError, match=r"priorities must be positive, got 0.0 for 'doa'"):
        LossScaleBalancer({"sed": 1.0, "doa": 0.0})
    with pytest.raises(ValueError, match="priorities must be positive, got nan for 'sed'"):
        LossScaleBalancer({"sed": float("nan")})
    for record in (0, "epoch", 2.5, True):
        with pytest.raises(ValueError, match="record must be 'running' or a positive integer, got"):
            LossScaleBalancer(record=record)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"exponent must be finite and at least 0, got -1.0"):
        LossScaleBalancer(exponent=-1.0)
    with pytest.raises(ValueError, match="tasks must be different names, at least one"):
        LossScaleBalancer({})


@pytest.mark.messages
def test_a_record_of_one_call_warns() -> None:
    with pytest.warns(UserWarning, match="record=1 follows the noise of each call") as caught:
        LossScaleBalancer(record=1)
    assert caught[0].filename == __file__


def test_it_prints_its_settings() -> None:
    shown = repr(LossScaleBalancer({"sed": 0.5, "doa": 0.5}, record=10))
    assert shown == "LossScaleBalancer({'sed': 0.5, 'doa': 0.5}, record=10, exponent=1.0)"
    shown = repr(LossScaleBalancer())
    assert shown.startswith("LossScaleBalancer({'doa': 1.0, 'sed': 1.0}, record='running'")
