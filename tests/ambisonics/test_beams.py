"""Beams hear their direction as it is, and little of the others."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.ambisonics import beam, plane_wave
from seldkit.ambisonics.beams import BeamPattern
from seldkit.geometry import angle_deg, unit_vector

DIRECTIONS = st.tuples(st.floats(-180, 180), st.floats(-90, 90)).map(
    lambda angles: unit_vector(torch.tensor(angles[0], dtype=torch.float64), angles[1])
)
PATTERNS: list[tuple[BeamPattern, float]] = [("cardioid", 1 / 2), ("hypercardioid", 1 / 4)]


@settings(max_examples=30)
@given(DIRECTIONS, DIRECTIONS, st.sampled_from(PATTERNS))
def test_the_gain_follows_the_angle(
    look: torch.Tensor, source: torch.Tensor, kind: tuple[BeamPattern, float]
) -> None:
    pattern, omni = kind
    signal = torch.randn(20, dtype=torch.float64)
    heard = beam(plane_wave(signal, source), look, pattern=pattern)
    torch.testing.assert_close(heard, (omni + (1 - omni) * (look @ source)) * signal)


@pytest.mark.parametrize(("pattern", "left_db"), [("cardioid", -4.8), ("hypercardioid", -6.0)])
def test_less_comes_from_all_around(pattern: BeamPattern, left_db: float) -> None:
    """As much as is told, of noise from everywhere alike."""
    noise = torch.randn(4, 100_000) * torch.tensor([1, 3**-0.5, 3**-0.5, 3**-0.5])[:, None]
    heard = beam(noise, unit_vector(torch.tensor(40.0), 10.0), pattern=pattern)
    assert 10 * (heard.square().mean() / noise[0].square().mean()).log10() == pytest.approx(
        left_db, abs=0.1
    )


@settings(max_examples=30)
@given(DIRECTIONS, DIRECTIONS, DIRECTIONS)
def test_others_are_kept_off(look: torch.Tensor, one: torch.Tensor, two: torch.Tensor) -> None:
    """Nearly silent where they are far; together never louder than without keeping them off."""
    signal = torch.randn(20, dtype=torch.float64)
    others = torch.stack((one, two))

    def gain(source: torch.Tensor, without: torch.Tensor | None) -> torch.Tensor:
        heard = beam(plane_wave(signal, source), look, without=without)
        return heard @ signal / signal.square().sum()

    assert gain(look, others) == pytest.approx(1)
    kept_off = torch.stack([gain(source, others) for source in (one, two)])
    plain = torch.stack([gain(source, None) for source in (one, two)])
    # Of the patterns with gain 1 ahead the plain one hears least from all around, so what the other
    # pattern gains where it hears least in all must be at the sources.
    assert kept_off.square().sum() <= plain.square().sum() + 1e-9
    apart = min(angle_deg(a, b) for a, b in ((look, one), (look, two)))
    # The worst that a search among pairs at least 45 degrees away finds is 0.178.
    assert apart < 45 or kept_off.abs().max() < 0.2


def test_nobody_to_keep_off_changes_nothing() -> None:
    waveform, look = torch.randn(4, 10), torch.tensor([0.0, 0.6, 0.8])
    torch.testing.assert_close(
        beam(waveform, look, without=torch.empty(0, 3)), beam(waveform, look)
    )


def test_beams_of_batches_and_precisions() -> None:
    waveform, look = torch.randn(2, 3, 4, 10), torch.tensor([0.0, 0.6, 0.8])
    heard = beam(waveform, look)
    assert torch.equal(heard[1, 2], beam(waveform[1, 2], look))
    assert beam(waveform.half(), look.double()).dtype == torch.float16
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(beam(waveform, look), heard)


@pytest.mark.messages
def test_beam_messages() -> None:
    look = torch.tensor([1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match=r"waveform must be \(\.\.\., channel=4, sample\), got"):
        beam(torch.zeros(3, 8), look)
    with pytest.raises(ValueError, match=r"direction must be \(axis=3\), got shape \(2,\)"):
        beam(torch.zeros(4, 8), look[:2])
    with pytest.raises(ValueError, match=r"without must be \(other, axis=3\), got shape \(3,\)"):
        beam(torch.zeros(4, 8), look, without=look)
    with pytest.raises(ValueError, match="without must be None for a cardioid"):
        beam(torch.zeros(4, 8), look, pattern="cardioid", without=look[None])
    with pytest.raises(TypeError, match=r"waveform must hold floats, got torch\.int16"):
        beam(torch.zeros(4, 8, dtype=torch.int16), look)
    with pytest.raises(ValueError, match="pattern must be one of 'cardioid', 'hypercardioid'"):
        beam(torch.zeros(4, 8), look, pattern="omni")  # type: ignore[arg-type]
