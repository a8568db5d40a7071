"""The classic panels show one clip over one axis of time."""

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from plot import drawn
from plot.drawn import glide
from seldkit.events import Events
from seldkit.plot import plot_scene

TWO = Events.from_degrees([2, 3, 0], [1, 1, 4], [10, 20, 90], [0, 0, 0], num_frames=20)
TONE = torch.sin(2 * torch.pi * 1000 * torch.arange(24000) / 8000).expand(4, -1)


def test_panels_stand_in_their_order() -> None:
    near = glide([0, 0], distance=[1.0, 1.0])
    figure = plot_scene(TWO, near, waveform=TONE, sample_rate=8000, title="clip 7")
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["kHz", "", "azimuth (°)", "elevation (°)", "distance (m)"]
    assert [axes.get_xlim() for axes in figure.axes] == [(0, 3)] * 5
    assert figure.axes[0].get_title(loc="left") == "clip 7"
    assert drawn.names(figure.legends[0].get_texts()) == ["reference", "prediction"]
    assert [axes.get_ylabel() for axes in plot_scene(TWO).axes] == labels[1:-1]
    assert plot_scene(TWO).axes[-1].get_xlim() == (0, 2)


def test_classes_stand_in_the_order_of_their_onset() -> None:
    panel = plot_scene(TWO, classes=["dog", "rain", "bell", "cough", "knock"]).axes[0]
    assert drawn.names(panel.get_yticklabels()) == ["knock", "rain"]
    (rain, knock) = sorted(drawn.strokes(panel), key=lambda stroke: -stroke[0, 1])
    np.testing.assert_allclose(rain, np.array([[0.2, 1], [0.25, 1], [0.35, 1], [0.4, 1]]))
    np.testing.assert_allclose(knock, np.array([[0, 0], [0.05, 0], [0.1, 0]]))
    assert panel.get_ylim() == (1.5, -0.5)  # the first is at the top


def test_the_spectrogram_shows_a_tone_where_it_is() -> None:
    image = plot_scene(TWO, waveform=TONE, sample_rate=8000).axes[0].get_images()[0]
    level = np.asarray(image.get_array())
    assert tuple(image.get_extent()) == (0, 3, 0, 4)
    assert level.max() == 0
    bins = level[:, level.shape[1] // 2]
    assert (bins.argmax() + 0.5) * 4 / len(bins) == pytest.approx(1, abs=0.05)  # kHz


def test_a_long_recording_keeps_its_loudest_moments() -> None:
    waveform = torch.zeros(1, 8000 * 600)
    waveform[0, 2_000_000] = 1.0
    image = plot_scene(TWO, waveform=waveform, sample_rate=8000).axes[0].get_images()[0]
    level = np.asarray(image.get_array())
    assert level.shape[1] <= 1500
    assert level.max(axis=0).argmax() / level.shape[1] == pytest.approx(250 / 600, abs=0.002)


def test_axes_are_taken_as_they_are_given() -> None:
    figure = Figure()
    panels = figure.subplots(4, sharex=True)
    assert plot_scene(TWO, TWO, waveform=TONE, sample_rate=8000, axes=panels) is figure
    assert [axes.get_ylabel() for axes in panels] == ["kHz", "", "azimuth (°)", "elevation (°)"]
    assert drawn.legend(panels[0]) == ["reference", "prediction"]


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="sample_rate must be given with a waveform, got None"):
        plot_scene(TWO, waveform=TONE)
    with pytest.raises(ValueError, match=r"waveform must be \(channel, sample\), got shape \(8,\)"):
        plot_scene(TWO, waveform=torch.zeros(8), sample_rate=8000)
    with pytest.raises(ValueError, match=r"waveform must hold samples, got shape \(4, 0\)"):
        plot_scene(TWO, waveform=torch.zeros(4, 0), sample_rate=8000)
    with pytest.raises(ValueError, match="axes must be 3 panels, got 2"):
        plot_scene(TWO, axes=Figure().subplots(2))
