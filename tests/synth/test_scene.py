"""Whole scenes: labels against energy, limits kept, and the same bytes everywhere."""

import multiprocessing
import pickle
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from seldkit.events import Events
from seldkit.geometry import angle_deg
from seldkit.synth import FolderSounds, SceneSynthesizer

DRY: dict[str, Any] = {"anechoic": True, "snr_db": None}


class Clicks:
    """Two classes of short noise, so that scenes are made in no time."""

    def __init__(self, *classes: str, seconds: float = 0.7) -> None:
        self.classes = classes or ("click", "clack")
        self.seconds = seconds

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a sound of a class."""
        length = round(self.seconds * sample_rate)
        return generator.standard_normal(length, dtype=np.float32)


def frame_power(waveform: Tensor) -> Tensor:
    return waveform[0].double().reshape(-1, 2400).square().mean(dim=1)


def active(events: Events) -> Tensor:
    mask = torch.zeros(events.num_frames or 0, dtype=torch.bool)
    mask[events.frame] = True
    return mask


def intensity_error_deg(waveform: Tensor, events: Events) -> Tensor:
    """Return the angle between intensity and label in every frame with one event."""
    frames = waveform.double().reshape(4, -1, 2400)
    flow = (frames[:1] * frames[[3, 1, 2]]).mean(dim=-1).T
    alone = torch.bincount(events.frame)[events.frame] == 1
    return angle_deg(flow[events.frame[alone]], events.direction[alone])


def test_a_scene_is_foa_audio_and_events() -> None:
    waveform, events = SceneSynthesizer(duration_s=3, anechoic=True).scene(0)
    assert waveform.dtype == torch.float32
    assert waveform.shape == (4, 72000)
    assert events.num_frames == 30
    assert events.distance is not None
    order = list(zip(events.frame.tolist(), events.source.tolist(), strict=True))
    assert order == sorted(order)


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_true_to_the_energy(seed: int) -> None:
    """One voice, no room, no noise: a frame holds sound if and only if it has a label."""
    synthesizer = SceneSynthesizer(max_polyphony=1, moving=0.5, **DRY)
    waveform, events = synthesizer.scene(seed)
    power = frame_power(waveform)
    assert power[~active(events)].sum() < 1e-3 * power.sum()
    for source in events.source.unique():
        frames = events.frame[events.source == source]
        assert (power[frames] > 0.99e-3 * power[frames].max()).all()


@pytest.mark.parametrize("moving", [0.0, 1.0])
def test_without_a_room_events_are_found_where_the_labels_say(moving: float) -> None:
    synthesizer = SceneSynthesizer(Clicks(seconds=3), max_polyphony=1, moving=moving, **DRY)
    error = intensity_error_deg(*synthesizer.scene(4))
    assert error.median() < 0.2
    assert error.max() < (0.01 if moving == 0 else 3.1)  # at the end of a path, half a frame's turn


class Steady:
    """One class of noise that never ends."""

    classes = ("noise",)

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return ten seconds of noise."""
        return generator.standard_normal(10 * sample_rate, dtype=np.float32)


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(0, 90), st.floats(0, 3), st.floats(0.7, 3))
def test_labels_of_moving_events_fit_to_one_degree(
    seed: int, turn_deg_s: float, speed_m_s: float, nearest: float
) -> None:
    synthesizer = SceneSynthesizer(
        Steady(),
        duration_s=3.0,
        max_polyphony=1,
        moving=1.0,
        event_s=(2.5, 2.5),
        pause_s=(0.0, 0.1),
        turn_deg_s=(turn_deg_s, turn_deg_s),
        speed_m_s=(speed_m_s, speed_m_s),
        distance_m=(nearest, 8.0),
        **DRY,
    )
    waveform, events = synthesizer.scene(seed)
    inside = (events.frame > 0) & (events.frame > events.frame.min())
    inside &= events.frame < events.frame.max()  # frames that sound from end to end
    whole = Events(
        events.frame[inside], events.label[inside], events.direction[inside], num_frames=30
    )
    error = intensity_error_deg(waveform, whole)
    assert len(error) > 15
    assert error.max() < 1


def test_in_rooms_the_median_error_is_small() -> None:
    pytest.importorskip("pyroomacoustics")
    synthesizer = SceneSynthesizer(
        Clicks(seconds=3), max_polyphony=1, moving=0.3, t60_s=(0.4, 0.4), distance_m=(1, 2)
    )
    errors = torch.cat([intensity_error_deg(*synthesizer.scene(1, i)) for i in range(4)])
    assert errors.median() < 5


def test_where_the_noise_is_louder_there_is_no_label() -> None:
    settings: dict[str, Any] = {"sounds": None, "anechoic": True}
    _, clean = SceneSynthesizer(snr_db=None, **settings).scene(1)
    noisy_waveform, noisy = SceneSynthesizer(snr_db=(0, 0), **settings).scene(1)
    rows = {name: _rows(events) for name, events in (("clean", clean), ("noisy", noisy))}
    assert rows["noisy"] < rows["clean"]
    silence = frame_power(noisy_waveform)[~active(clean)]
    assert (frame_power(noisy_waveform)[active(noisy)] > silence.mean()).all()


def _rows(events: Events) -> set[tuple[int, int]]:
    return set(zip(events.frame.tolist(), events.source.tolist(), strict=True))


@pytest.mark.parametrize("max_polyphony", [1, 2, 4])
def test_never_more_events_than_stated(max_polyphony: int) -> None:
    synthesizer = SceneSynthesizer(
        Clicks("a", "b", "c", "d", "e", seconds=1.33),
        max_polyphony=max_polyphony,
        pause_s=(0, 0.3),
        moving=0.5,
        **DRY,
    )
    most = [int(torch.bincount(synthesizer.scene(0, i)[1].frame).max()) for i in range(5)]
    assert max(most) == max_polyphony


@pytest.mark.parametrize("same_class_overlap", [False, True])
def test_overlap_of_one_class_is_a_choice(same_class_overlap: bool) -> None:
    synthesizer = SceneSynthesizer(
        Clicks(), pause_s=(0, 0.2), same_class_overlap=same_class_overlap, **DRY
    )
    events = [synthesizer.scene(0, i)[1] for i in range(5)]
    most = max(int(torch.bincount(2 * e.frame + e.label).max()) for e in events)
    assert most == (2 if same_class_overlap else 1)


def test_one_class_and_no_overlap_is_one_voice() -> None:
    synthesizer = SceneSynthesizer(Clicks("only"), pause_s=(0, 0), max_polyphony=2, **DRY)
    assert torch.bincount(synthesizer.scene(0)[1].frame).max() == 1


def test_there_is_silence_to_learn_from() -> None:
    synthesizer = SceneSynthesizer(anechoic=True)
    share = torch.cat([active(synthesizer.scene(2, i)[1]) for i in range(6)]).double().mean()
    assert 0.4 < share < 0.9


def test_events_keep_to_the_ranges() -> None:
    pytest.importorskip("pyroomacoustics")
    synthesizer = SceneSynthesizer(
        Clicks(),
        moving=0.5,
        azimuth_deg=(-90, 90),
        elevation_deg=(-10, 30),
        distance_m=(1, 2),
        image_order=1,
    )
    for index in range(4):
        _, events = synthesizer.scene(0, index)
        assert events.distance is not None
        assert (events.azimuth_deg.abs() <= 90.1).all()
        assert ((events.elevation_deg >= -10.1) & (events.elevation_deg <= 30.1)).all()
        assert ((events.distance >= 0.999) & (events.distance <= 2.001)).all()


def test_the_signal_to_noise_ratio_is_the_stated_one() -> None:
    clean, events = SceneSynthesizer(anechoic=True, snr_db=None).scene(3)
    noisy, _ = SceneSynthesizer(anechoic=True, snr_db=(18, 18)).scene(3)
    noise = (noisy - clean).double()
    ratio = frame_power(clean)[active(events)].mean() / noise[0].square().mean()
    assert 10 * ratio.log10() == pytest.approx(18, abs=0.01)
    thirds = noise[1:].square().mean(dim=1) / noise[0].square().mean()
    torch.testing.assert_close(thirds, torch.full((3,), 1 / 3).double(), rtol=0.15, atol=0)


def test_levels_of_events_are_within_the_range() -> None:
    synthesizer = SceneSynthesizer(
        Clicks(seconds=2), level_db=(-30, -20), max_polyphony=1, moving=0, **DRY
    )
    for index in range(4):
        waveform, events = synthesizer.scene(0, index)
        assert events.distance is not None
        for source in events.source.unique():
            rows = (events.source == source).nonzero().flatten()[2:-2]  # whole frames
            power = frame_power(waveform)[events.frame[rows]] * events.distance[rows].square()
            assert (10 * power.log10() > -30.8).all()
            assert (10 * power.log10() < -19.2).all()


def test_a_loud_scene_is_scaled_down_and_keeps_its_labels() -> None:
    quiet_waveform, quiet = SceneSynthesizer(anechoic=True, level_db=(-30, -30)).scene(5)
    loud_waveform, loud = SceneSynthesizer(anechoic=True, level_db=(10, 10)).scene(5)
    assert loud_waveform.abs().max() == 1
    assert quiet_waveform.abs().max() < 1
    assert loud == quiet


def test_a_scene_without_events_is_noise() -> None:
    waveform, events = SceneSynthesizer(anechoic=True, duration_s=2, pause_s=(3, 3)).scene(0)
    assert len(events) == 0
    assert 0 < waveform.abs().max() < 0.1


def test_a_longer_recording_is_cut_to_a_piece_with_sound() -> None:
    class Late(Clicks):
        def draw(
            self, label: int, generator: np.random.Generator, sample_rate: int
        ) -> NDArray[np.float32]:
            click = super().draw(label, generator, sample_rate)
            return np.concatenate((np.zeros(10 * sample_rate, np.float32), click))

    synthesizer = SceneSynthesizer(Late(), event_s=(1, 2), pause_s=(0, 1), **DRY)
    sources = [synthesizer.scene(0, i)[1].source.unique() for i in range(3)]
    assert all(torch.equal(s, torch.arange(len(s))) and len(s) > 2 for s in sources)


@pytest.mark.parametrize("anechoic", [False, True])
def test_seed_and_index_say_all(anechoic: bool) -> None:
    if not anechoic:
        pytest.importorskip("pyroomacoustics")
    first, second = (SceneSynthesizer(duration_s=4, anechoic=anechoic) for _ in range(2))
    second.scene(0, 0)
    waveform, events = first.scene(1, 2)
    again, same = pickle.loads(pickle.dumps(second)).scene(1, 2)
    assert torch.equal(waveform, again)
    assert events == same
    for seed, index in ((1, 3), (2, 2)):
        other, others = first.scene(seed, index)
        assert not torch.equal(waveform, other)
        assert events != others


@pytest.mark.programs
def test_another_process_with_other_threads_makes_the_same_bytes() -> None:
    pytest.importorskip("pyroomacoustics")
    synthesizer = SceneSynthesizer(duration_s=4, moving=0.5)
    with ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), torch.set_num_threads, (3,)
    ) as pool:
        scenes = list(pool.map(_bytes, [synthesizer] * 2, (0, 1)))
    assert scenes == [_bytes(synthesizer, index) for index in (0, 1)]


def _bytes(synthesizer: SceneSynthesizer, index: int) -> tuple[bytes, bytes]:
    waveform, events = synthesizer.scene(7, index)
    return waveform.numpy().tobytes(), events.direction.numpy().tobytes()


def test_real_recordings_in_rooms(data: Callable[[str], Path]) -> None:
    pytest.importorskip("pyroomacoustics")
    synthesizer = SceneSynthesizer(FolderSounds(data("events"), folds=(1, 2)), max_polyphony=1)
    assert synthesizer.classes[0] == "baby_cry"
    scenes = [synthesizer.scene(0, index) for index in range(4)]
    errors = torch.cat([intensity_error_deg(*scene) for scene in scenes])
    assert errors.median() < 10
    for waveform, events in scenes:
        power = frame_power(waveform)
        assert power[active(events)].mean() > 5 * power[~active(events)].mean()


def test_a_folder_may_be_given_by_its_path(data: Callable[[str], Path]) -> None:
    by_path = SceneSynthesizer(str(data("events")), duration_s=2, anechoic=True)
    by_object = SceneSynthesizer(FolderSounds(data("events")), duration_s=2, anechoic=True)
    assert torch.equal(by_path.scene(0)[0], by_object.scene(0)[0])


def test_only_rooms_need_pyroomacoustics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyroomacoustics", None)
    SceneSynthesizer(duration_s=2, anechoic=True).scene(0)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'seldkit\[synth\]'"):
        SceneSynthesizer()
