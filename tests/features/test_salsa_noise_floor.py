"""The noise floor follows the published recursion, however the frames come in."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.features.noise_floor import NoiseFloor, _compilable_track, above_noise_floor

quick = settings(max_examples=30)


def frame_by_frame(power: list[float], ratio: float, past: list[float]) -> list[bool]:
    """Return which frames of one bin stand out, as the rule says it."""
    frames = past + power
    levels = []
    for end in range(len(past) + 1, len(frames) + 1):
        window = frames[max(end - 3, 0) : end]
        levels.append(math.sqrt(sum(window) / len(window)))
    floor = 0.5 * sum(levels[:5]) / len(levels[:5])
    run, result = 0, []
    for level in levels:
        run = run + 1 if level > floor else 0
        floor = max(1e-6, floor * ((1.02 if run <= 3 else 1.002) if run else 0.98))
        result.append(level > ratio * floor)
    return result


def sound(frames: int) -> Tensor:
    """Return the power of two clips of noise that comes and goes, three bins each."""
    noise = torch.randn(2, frames, 3, dtype=torch.float64)
    loudness = 10 ** torch.randn(2, frames // 4 + 1, 3).repeat_interleave(4, dim=1)[:, :frames]
    return noise.square() * loudness


@quick
@given(st.integers(1, 60), st.booleans(), st.sampled_from((1.0, 1.5, 3.0)))
def test_it_follows_the_rule(frames: int, wrap: bool, ratio: float) -> None:
    power = sound(frames)
    above = above_noise_floor(power, ratio=ratio, wrap=wrap)
    for clip in range(2):
        for freq in range(3):
            bin_power = power[clip, :, freq].tolist()
            past = [bin_power[-2 % frames], bin_power[-1]] if wrap else []
            assert above[clip, :, freq].tolist() == frame_by_frame(bin_power, ratio, past)


@quick
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any))
def test_runs_of_frames_give_what_the_clip_gives(sizes: list[int]) -> None:
    power = sound(sum(sizes))
    floor = NoiseFloor(1.5)
    parts = [floor.push(part) for part in power.split(sizes, dim=1)]
    above = torch.cat([*parts, floor.flush()], dim=1)
    assert torch.equal(above, above_noise_floor(power, ratio=1.5, wrap=False))


def test_a_steady_tone_is_background_after_a_while() -> None:
    above = above_noise_floor(torch.ones(1, 200, 1), ratio=1.5, wrap=True).flatten()
    # From half its level the floor rises by 2 % three times, then by 0.2 % a frame.
    slow = math.ceil(math.log(1 / (1.5 * 0.5 * 1.02**3)) / math.log(1.002))
    assert above.nonzero().flatten().tolist() == list(range(3 + slow - 1))


def test_an_onset_stands_out_and_silence_never_does() -> None:
    power = torch.full((1, 300, 1), 1e-4)
    power[:, 250:254] = 1.0
    above = above_noise_floor(power, ratio=1.5, wrap=False).flatten()
    assert above[250:256].all()  # four frames and two that are averaged with them
    assert not above[200:250].any()
    assert not above[256:].any()
    assert not above_noise_floor(torch.zeros(2, 9, 3), ratio=1.5, wrap=True).any()


def test_no_gradient_passes() -> None:
    power = torch.ones(1, 7, 2, requires_grad=True)
    assert not above_noise_floor(power, ratio=1.5, wrap=True).requires_grad


@pytest.mark.transforms
def test_the_loop_is_one_operation_to_a_compiler() -> None:
    state = torch.ones(2, 3), torch.zeros(2, 3, dtype=torch.int64)
    torch.library.opcheck(_compilable_track, (torch.rand(6, 2, 3), *state))


@pytest.mark.messages
def test_a_clip_without_a_frame_is_refused() -> None:
    with pytest.raises(RuntimeError, match="must be given a frame before its clip ends"):
        NoiseFloor(1.5).flush()
