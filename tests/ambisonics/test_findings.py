"""Ambisonics is told from microphones, from other conventions and from noise."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.ambisonics import Findings, check
from seldkit.arrays import ArrayGeometry
from seldkit.io import read_audio
from seldkit.synth import SceneSynthesizer

Find = Callable[[str], Path]
RATE = 24000


@pytest.fixture(scope="module")
def scenes() -> list[Tensor]:
    made = SceneSynthesizer(duration_s=4.0, anechoic=True)
    return [made.scene(0, index)[0] for index in range(4)]


def whole_and_seconds(waveform: Tensor, rate: int) -> list[Tensor]:
    return [waveform, *(part for part in waveform.split(rate, dim=1) if part.shape[1] == rate)]


@pytest.mark.parametrize(
    ("folder", "count", "ratio", "kind"),
    [
        ("foa/recordings", 5, (0.6, 1.3), "ambisonics"),
        ("multi_ssl", 9, (2.8, 3.4), "microphones"),
    ],
)
def test_real_recordings_are_what_they_are(
    data: Find, folder: str, count: int, ratio: tuple[float, float], kind: str
) -> None:
    paths = sorted(data(folder).glob("*.flac"))
    assert len(paths) == count
    for path in paths:
        waveform, rate = read_audio(path)
        for part in whole_and_seconds(waveform, rate):
            findings = check(part, rate)
            assert ratio[0] < findings.energy_ratio < ratio[1]
            assert findings.kind == kind
            if kind == "ambisonics":
                assert findings.problem is None
            else:
                assert min(findings.coherence) > 0.8
                assert "ambisonics.encode(waveform, array, sample_rate)" in str(findings.problem)


def test_measured_room_responses_are_ambisonics(data: Find) -> None:
    for path in sorted(data("foa/rir").glob("*.flac")):
        waveform, rate = read_audio(path)
        assert check(waveform / waveform.abs().max(), rate).kind == "ambisonics"


def test_made_scenes_of_both_kinds(scenes: list[Tensor]) -> None:
    for scene in scenes:
        assert check(scene, RATE).energy_ratio == pytest.approx(1, abs=0.05)
    array = SceneSynthesizer(duration_s=4.0, anechoic=True, array=ArrayGeometry.tetrahedron())
    assert check(array.scene(0)[0], RATE).kind == "microphones"


def test_other_conventions_are_told_with_what_helps(scenes: list[Tensor]) -> None:
    for scene in scenes:
        w, y, z, x = scene
        fuma = check(torch.stack((0.5**0.5 * w, x, y, z)), RATE)
        n3d = check(torch.stack((w, *(3**0.5 * dipole for dipole in (y, z, x)))), RATE)
        assert fuma.energy_ratio == pytest.approx(2, abs=0.1)
        assert n3d.energy_ratio == pytest.approx(3, abs=0.15)
        assert all("ambisonics." in str(findings.problem) for findings in (fuma, n3d))


def test_silent_and_padded_channels_are_weak(scenes: list[Tensor]) -> None:
    for scene in scenes:
        padded = check(torch.cat((scene[:1], torch.zeros(3, scene.shape[1]))), RATE)
        assert padded.energy_ratio == 0
        assert padded.kind == "weak dipoles"
        assert "mono" in str(padded.problem)
        silent_w = check(torch.cat((torch.zeros(1, scene.shape[1]), scene[1:])), RATE)
        assert (silent_w.energy_ratio, silent_w.kind) == (math.inf, "strong dipoles")


def test_noise_is_no_ambisonics() -> None:
    findings = check(0.1 * torch.randn(4, RATE), RATE)
    assert findings.energy_ratio == pytest.approx(3, abs=0.5)
    assert max(map(abs, findings.coherence)) < 0.3
    assert findings.kind == "strong dipoles"


@pytest.mark.parametrize(
    "waveform",
    [
        torch.zeros(4, RATE),
        torch.randn(4, 5999, generator=torch.Generator().manual_seed(0)),  # too short
        torch.empty(4, 0),
        torch.randint(-1, 2, (4, RATE), generator=torch.Generator().manual_seed(0)) / 32768,
        torch.sin(torch.arange(RATE) * 2).expand(4, -1),  # at 7.6 kHz alone
    ],
)
def test_nothing_is_told_of_nothing(waveform: Tensor) -> None:
    findings = check(waveform, RATE)
    assert math.isnan(findings.energy_ratio)
    assert all(map(math.isnan, findings.coherence))
    assert (findings.kind, findings.problem) == (None, None)


@settings(max_examples=10)
@given(st.sampled_from([8000, 16000, 22050, 48000, 96000]), st.floats(0.01, 1.0))
def test_rate_and_level_do_not_matter(rate: int, gain: float) -> None:
    sound = gain * torch.randn(rate, dtype=torch.float64)
    foa = torch.stack((sound, 0.6 * sound, 0 * sound, -0.8 * sound))
    findings = check(foa, rate)
    assert findings.energy_ratio == pytest.approx(1)
    x, y, z = findings.coherence
    assert x == pytest.approx(-1)
    assert y == pytest.approx(1)
    assert math.isnan(z)
    torch.testing.assert_close(
        torch.tensor(check(foa.float(), rate)[0]), torch.tensor(findings.energy_ratio)
    )


def test_limits() -> None:
    kinds = [Findings(ratio, (0.0, 0.0, 0.9)).kind for ratio in (0.49, 0.5, 1.6, 1.61)]
    assert kinds == ["weak dipoles", "ambisonics", "ambisonics", "strong dipoles"]
    assert Findings(3.0, (0.6, 0.6, 0.6)).kind == "microphones"
    assert Findings(3.0, (0.6, math.nan, 0.6)).kind == "strong dipoles"


@pytest.mark.messages
def test_findings_messages() -> None:
    with pytest.raises(ValueError, match=r"waveform must be \(channel=4, sample\), got shape \(2"):
        check(torch.zeros(2, 8), RATE)
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        check(torch.zeros(4, 8, dtype=torch.int16), RATE)
    with pytest.raises(ValueError, match="sample_rate must be positive, got 0"):
        check(torch.zeros(4, 8), 0)
    for rate in (24, 300):
        with pytest.raises(ValueError, match=f"sample_rate must be at least 400, got {rate}"):
            check(torch.zeros(4, 24000), rate)
