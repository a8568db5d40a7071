"""Scores stand where their numbers are."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from plot import drawn
from plot.drawn import glide
from seldkit.calibration import f1_curve
from seldkit.metrics import SELDMetrics, jackknife
from seldkit.metrics.analysis import Table, match_events, overlap_table
from seldkit.plot import plot_angle_errors, plot_class_scores, plot_overlap, plot_thresholds

ERRORS = torch.tensor([3.0, 8.0, 20.0, 31.0, torch.nan])


def test_each_class_has_a_bar_and_its_interval() -> None:
    interval = SimpleNamespace(low=torch.tensor([0.5, 0.1, 0.0]), high=torch.full((3,), 0.9))
    interval.low[1] = torch.nan
    scores = torch.tensor([0.7, 0.4, torch.nan])
    names = ["dog", "rain", "bell"]
    figure = plot_class_scores(scores, interval, overall=0.55, classes=names, label="F20")
    (panel,) = figure.axes
    assert drawn.names(panel.get_yticklabels()) == names
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([0.7, 0.4])  # type: ignore[attr-defined]
    assert drawn.names(panel.texts) == [" none"]
    (lines,) = panel.collections
    segments = np.array(lines.get_segments())  # type: ignore[attr-defined]
    np.testing.assert_allclose(segments, np.array([[[0.5, 0], [0.9, 0]]]))
    assert panel.get_xlabel() == "F20 (dashed: all, 0.55)"
    assert panel.get_ylim() == (2.6, -0.6)  # the first is at the top


def test_scores_of_metrics_are_taken_as_they_come() -> None:
    metrics = SELDMetrics("dcase2024", num_classes=2)
    for azimuth in (0.0, 10.0, 30.0):
        metrics.update(glide([azimuth] * 3), glide([0, 0, 0]))
    interval = jackknife(metrics, per_class=True, clip=True)["f_score"]
    scores = metrics.compute()
    figure = plot_class_scores(scores.per_class["f_score"], interval, overall=scores.f_score)
    assert len(figure.axes[0].patches) == 2


def test_many_classes_stand_in_columns() -> None:
    figure = plot_class_scores(torch.linspace(0, 40, 170), label="LE (°)")
    assert len(figure.axes) == 4
    names = [name for panel in figure.axes for name in drawn.names(panel.get_yticklabels())]
    assert names == list(map(str, range(170)))
    assert {panel.get_xlim() for panel in figure.axes} == {(0, 1.02 * 40)}
    given = Figure().subplots(2)
    assert plot_class_scores(torch.ones(5), axes=given) is given[0].figure
    assert [len(panel.patches) for panel in given] == [3, 2]


def test_angles_are_counted_beside_the_line_of_a_hit() -> None:
    figure = plot_angle_errors(ERRORS)
    (panel,) = figure.axes
    steps, line = panel.patches[0], panel.get_lines()[0]
    share, edges, _ = steps.get_data()  # type: ignore[attr-defined]
    assert len(share) == 36
    assert dict(zip(edges[np.flatnonzero(share)], share[share > 0], strict=True)) == {
        0: 0.25, 5: 0.25, 20: 0.25, 30: 0.25,
    }  # fmt: skip
    assert line.get_xdata() == [20, 20]
    named = ["75 % within 20°\nmedian 14°", "20°"]
    assert drawn.names(figure.legends[0].get_texts()) == named


def test_shares_up_to_each_angle_of_several_systems() -> None:
    systems = {"a": ERRORS, "b": ERRORS / 2}
    figure = plot_angle_errors(systems, kind="ecdf", threshold_deg=10)
    (panel,) = figure.axes
    first, second, line = panel.get_lines()
    first_points = np.asarray(first.get_xydata())
    np.testing.assert_allclose(
        first_points[1:], np.array([[3, 0.25], [8, 0.5], [20, 0.75], [31, 1]])
    )
    assert np.asarray(second.get_ydata()).max() == 1
    assert line.get_xdata() == [10, 10]
    assert first.get_color() != second.get_color()
    texts = drawn.names(figure.legends[0].get_texts())
    assert texts == ["a\n50 % within 10°\nmedian 14°", "b\n75 % within 10°\nmedian 7°", "10°"]


def test_angles_of_matches_are_taken_as_they_come() -> None:
    matches = match_events([(glide([5, 5]), glide([0, 0, 0]))])
    (panel,) = plot_angle_errors(matches.angle_deg, ax=Figure().add_subplot()).axes
    assert drawn.legend(panel) == ["100 % within 20°\nmedian 4.92°", "20°"]


def test_scores_fall_with_the_number_of_sources() -> None:
    columns = {"2": [0.5, 0.7], "all": [0.6, 0.8], "1": [0.8, 0.9], "10": [0.1, 0.2]}
    table = Table(["SELD", "SED only"], {n: torch.tensor(c) for n, c in columns.items()})
    figure = plot_overlap(table, label="F-score", title="fold 4")
    (panel,) = figure.axes
    assert drawn.names(panel.get_xticklabels()) == ["1", "2", "10", "all"]
    seld, *_ = drawn.strokes(panel)
    np.testing.assert_allclose(seld, [[0, 0.8], [1, 0.5], [2, 0.1]], rtol=1e-6)
    np.testing.assert_allclose(drawn.dots(panel), [[[3.5, 0.6]], [[3.5, 0.8]]], rtol=1e-6)
    assert drawn.names(figure.legends[0].get_texts()) == ["SELD", "SED only"]


def test_a_table_of_overlap_is_taken_as_it_comes() -> None:
    clip = glide([0, 5]), glide([0, 0])
    table = overlap_table([clip], SELDMetrics("dcase2024", num_classes=1))
    (panel,) = plot_overlap(table, ax=Figure().add_subplot()).axes
    assert drawn.legend(panel) == list(table.rows)


def test_scores_stand_over_their_thresholds() -> None:
    target = torch.tensor([[1, 0], [1, 1], [0, 0], [0, 1]])
    curve = f1_curve(torch.rand(4, 2), target, grid=[0.25, 0.5, 0.75])
    scores = {"F1": curve.micro, "gap": torch.tensor([0.1, torch.nan, 0.2])}
    figure = plot_thresholds(curve.thresholds, scores, per_class=curve.per_class, chosen=0.5)
    (panel,) = figure.axes
    assert drawn.names(figure.legends[0].get_texts()) == ["F1", "gap", "each class", "chosen, 0.5"]
    *_, micro, gap, line = panel.get_lines()
    np.testing.assert_array_equal(np.asarray(micro.get_xdata()), curve.thresholds.numpy())
    np.testing.assert_array_equal(np.asarray(micro.get_ydata()), curve.micro.numpy())
    assert np.isnan(np.asarray(gap.get_ydata())).tolist() == [False, True, False]
    assert line.get_xdata() == [0.5, 0.5]
    assert len(panel.get_lines()) == 2 + 2 + 1


@pytest.mark.messages
def test_messages() -> None:
    interval = SimpleNamespace(low=torch.zeros(2), high=torch.zeros(3))
    with pytest.raises(ValueError, match=r"interval.high must be \(cls=2\), got shape \(3,\)"):
        plot_class_scores(torch.zeros(2), interval)
    with pytest.raises(ValueError, match="classes must name class 1, got 1 names"):
        plot_class_scores(torch.zeros(2), classes=["dog"])
    with pytest.raises(ValueError, match="scores must hold at least one class, got none"):
        plot_class_scores(torch.zeros(0))
    with pytest.raises(ValueError, match="kind must be one of 'histogram', 'ecdf', got 'box'"):
        plot_angle_errors(ERRORS, kind="box")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="angle_deg must hold the angle of at least one pair, got"):
        plot_angle_errors(ERRORS[-1:])
    with pytest.raises(ValueError, match=r"angle_deg\['b'\] must lie in 0..180 degrees, got -1"):
        plot_angle_errors({"a": ERRORS, "b": torch.tensor([-1.0])})
    with pytest.raises(ValueError, match="angle_deg must hold at least one system, got none"):
        plot_angle_errors({})
    with pytest.raises(ValueError, match="table must have rows and columns, got 0 rows and 1 col"):
        plot_overlap(Table([], {"1": torch.zeros(0)}))
    with pytest.raises(ValueError, match="thresholds and scores must not be empty, got 2 and 0"):
        plot_thresholds(torch.zeros(2), {})
    with pytest.raises(
        ValueError, match=r"scores\['F'\] must be \(threshold=2\), got shape \(3,\)"
    ):
        plot_thresholds(torch.zeros(2), {"F": torch.zeros(3)})
    with pytest.raises(ValueError, match=r"per_class must be \(threshold=2, cls\), got shape"):
        plot_thresholds(torch.zeros(2), {"F": torch.zeros(2)}, per_class=torch.zeros(3, 2))
