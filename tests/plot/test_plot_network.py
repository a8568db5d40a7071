"""What a network reads, says and learns is drawn as it is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from plot import drawn
from plot.drawn import glide
from seldkit.data import TrainingLog
from seldkit.features import STFT, FeatureExtractor, IntensityVector, LogMel, MelFilterBank
from seldkit.plot import plot_activity, plot_features, plot_training

ACTIVITY = torch.tensor([[0.1, 0.0, 0.3], [0.9, 0.2, 0.5], [0.75, 1.4, 0.4]])
MEL = MelFilterBank(16)
EXTRACTOR = FeatureExtractor(
    STFT(n_fft=512, hop_length=400, sample_rate=16000), [LogMel(MEL), IntensityVector(MEL)]
)


def lanes(figure: Figure) -> list[tuple[list[float], float]]:
    """Return the heights that are filled above each floor, pale and full ones in turn."""
    data = [steps.get_data() for steps in figure.axes[0].patches]  # type: ignore[attr-defined]
    return [((d.baseline - d.values).round(6).tolist(), float(d.baseline)) for d in data]


def test_activity_is_full_where_it_exceeds_the_threshold() -> None:
    figure = plot_activity(ACTIVITY, [0.75, 0.5, 0.5], frame_s=0.5, classes=["dog", "rain", "bell"])
    panel = figure.axes[0]
    assert drawn.names(panel.get_yticklabels()) == ["dog", "rain"]  # bell never exceeds its own
    (pale, _), (full, floor), (cut, _), _ = lanes(figure)
    np.testing.assert_allclose(pale, [0.08, 0.72, 0.6], rtol=1e-5)
    np.testing.assert_allclose(full, [0, 0.72, 0], rtol=1e-5)  # 0.75 does not exceed 0.75
    assert cut[2] == pytest.approx(0.8)  # 1.4 is cut
    assert panel.get_xlim() == (0, 1.5)
    line = np.asarray(panel.get_lines()[0].get_ydata())
    np.testing.assert_allclose(line, floor - 0.8 * 0.75)


def test_classes_that_sound_are_shown_though_they_are_not_found() -> None:
    reference = glide([0, 0], frames=[1, 2], label=2)
    panel = plot_activity(ACTIVITY, 0.99, reference=reference, ax=Figure().add_subplot()).axes[0]
    assert drawn.names(panel.get_yticklabels()) == ["1", "2"]
    bar = np.asarray(panel.get_lines()[-1].get_xydata())
    np.testing.assert_allclose(bar, [[0.1, 1.9], [0.3, 1.9]])


def test_of_many_classes_those_with_the_highest_activity_are_shown() -> None:
    activity = torch.linspace(0, 1, 170).expand(4, -1)
    panel = plot_activity(activity, 0.2, max_classes=3).axes[0]
    assert drawn.names(panel.get_yticklabels()) == ["167", "168", "169"]
    assert len(plot_activity(activity, 2.0).axes[0].patches) == 0


def test_channels_of_a_kind_have_one_scale() -> None:
    features = EXTRACTOR(torch.randn(1, 4, 8000))[0]
    names = ["W", "Y", "Z", "X", "y", "z", "x"]
    figure = plot_features(features, EXTRACTOR, names=names, title="noise")
    panels, bars = figure.axes[:7], figure.axes[7:]
    assert [panel.get_title(loc="left") for panel in panels] == names
    assert (len(bars), figure.get_suptitle()) == (2, "noise")
    images = [panel.get_images()[0] for panel in panels]
    levels, cues = ({image.get_clim() for image in part} for part in (images[:4], images[4:]))
    assert len(levels) == len(cues) == 1
    (low, high), *_ = cues
    assert low == -high
    assert tuple(images[0].get_extent()) == (0, features.shape[1] / 40, 0, 16)
    np.testing.assert_array_equal(np.asarray(images[5].get_array()), features[5].T.double())
    assert (panels[0].get_xlabel(), panels[0].get_ylabel()) == ("time (s)", "frequency bin")


def test_features_of_an_unknown_maker() -> None:
    features = torch.stack((torch.full((5, 3), -60.0), torch.eye(5)[:, :3] - 0.5))
    given = Figure().subplots(1, 2)
    figure = plot_features(features, axes=given)
    assert figure is given[0].figure
    assert [panel.get_images()[0].get_cmap().name for panel in given] == ["magma", "RdBu_r"]
    assert (given[0].get_xlabel(), given[1].get_ylabel()) == ("frame", "bin")


def test_columns_of_a_log_stand_with_their_kind(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path / "log.csv")
    for epoch in (1, 2, 3):
        rates = {"lr": 0.1**epoch, "weight_sed": 0.5, "weight/doa": 0.5}
        scores = {"F": torch.nan if epoch == 1 else 0.1 * epoch, "localization_error_deg": 40.0}
        log.add(epoch=10 * epoch, loss=1 / epoch, **rates, **scores)
    for source in (log.path, log.rows):
        figure = plot_training(source, title="run 3")
        kinds = ["loss", "weight", "learning rate", "degrees", "score"]
        assert [panel.get_ylabel() for panel in figure.axes] == kinds
        named = [drawn.legend(panel) for panel in figure.axes]
        assert named[1] == ["weight_sed", "weight/doa"]
        (loss,) = drawn.strokes(figure.axes[0])
        np.testing.assert_allclose(loss, np.array([[10, 1], [20, 0.5], [30, 1 / 3]]))
        assert len(drawn.strokes(figure.axes[4])[0]) == 2
        assert figure.axes[2].get_yscale() == "log"
        assert figure.axes[-1].get_xlabel() == "epoch"


def test_a_log_without_a_clock_counts_its_rows() -> None:
    panel = Figure().add_subplot()
    figure = plot_training([{"total": 2.0}, {"total": 1.0}], axes=[panel])
    np.testing.assert_allclose(drawn.strokes(panel)[0], [[1, 2], [2, 1]])
    assert (figure, panel.get_xlabel(), panel.get_ylabel()) == (panel.figure, "row", "loss")


def test_the_localization_recall_is_no_learning_rate() -> None:
    figure = plot_training([{"epoch": 1, "lr": 0.1, "LR": 0.5, "val/LR": 0.4, "LR_CD": 0.3}])
    named = {panel.get_ylabel(): drawn.legend(panel) for panel in figure.axes}
    assert named == {"learning rate": ["lr"], "score": ["LR", "val/LR", "LR_CD"]}


@pytest.mark.messages
def test_messages(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"activity must be from 0, not logits, got -0.5"):
        plot_activity(ACTIVITY - 0.5)
    with pytest.raises(ValueError, match="threshold must be one or 3 numbers, got 2"):
        plot_activity(ACTIVITY, [0.5, 0.5])
    with pytest.raises(ValueError, match=r"activity must hold frames and classes, got \(0, 3\)"):
        plot_activity(ACTIVITY[:0])
    with pytest.raises(ValueError, match=r"reference.label must be below 3, got 7"):
        plot_activity(ACTIVITY, reference=glide([0], label=7))
    with pytest.raises(ValueError, match="names must be 2, one for each channel, got 1"):
        plot_features(torch.zeros(2, 3, 4), names=["W"])
    with pytest.raises(
        ValueError, match=r"extractor.meanings must be 2, one for each channel, got 7"
    ):
        plot_features(torch.zeros(2, 3, 4), EXTRACTOR)
    with pytest.raises(ValueError, match="axes must be 2, one for each channel, got 3"):
        plot_features(torch.zeros(2, 3, 4), axes=Figure().subplots(3))
    with pytest.raises(TypeError, match="names must be a list of names, got the text 'WY'"):
        plot_features(torch.zeros(2, 3, 4), names="WY")
    with pytest.raises(ValueError, match="log must have at least one row, got none"):
        plot_training([])
    with pytest.raises(ValueError, match="log must have a column beside epoch, got none"):
        plot_training([{"epoch": 1}])
    broken = tmp_path / "log.csv"
    broken.write_text("epoch,loss\n1,0.5\n2,much\n")
    with pytest.raises(
        ValueError, match=r"log.csv must hold a number in column 'loss' of each row"
    ):
        plot_training(broken)
