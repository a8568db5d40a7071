"""What all augmentations share: chance, generators, precision, clips on their own, inputs kept."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seldkit import augment
from seldkit.arrays import ArrayGeometry

BATCH, FRAMES = 6, 8

Step = Callable[..., tuple[Tensor, Any]]

WAVEFORM: dict[str, tuple[Step, dict[str, Any]]] = {
    "add_noise": (augment.add_noise, {}),
    "equalize": (augment.equalize, {}),
    "mix_clips": (augment.mix_clips, {"gain_db": (-6.0, 6.0)}),
    "paste_events": (augment.paste_events, {"ratio": 30}),
    "shift_time": (augment.shift_time, {"ratio": 30}),
    "turn_clips": (augment.turn_clips, {}),
    "turn_clips of an array": (augment.turn_clips, {"swaps": ArrayGeometry.tetrahedron()}),
}
FEATURES: dict[str, tuple[Step, dict[str, Any]]] = {
    "cutout": (augment.cutout, {}),
    "equalize features": (augment.equalize, {}),
    "shift_frequency": (augment.shift_frequency, {}),
    "shift_time of features": (augment.shift_time, {"ratio": 4}),
    "spec_augment": (augment.spec_augment, {}),
}
STEPS = WAVEFORM | FEATURES


def batch(name: str, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return clips with a class of their own each, and their ACCDOA."""
    size = (4, 30 * FRAMES) if name in WAVEFORM else (7, 4 * FRAMES, 32)
    x = torch.randn(BATCH, *size, generator=torch.Generator().manual_seed(0))
    target = torch.zeros(BATCH, FRAMES, BATCH, 3)
    clip = torch.arange(BATCH)
    target[clip, 2:5, clip] = torch.tensor([0.6, 0.0, 0.8])
    return x.to(dtype), target


def run(name: str, x: Tensor, target: Tensor, seed: int = 1, **more: Any) -> tuple[Tensor, Tensor]:
    step, settings = STEPS[name]
    return step(x, target, generator=torch.Generator().manual_seed(seed), **settings, **more)


@pytest.mark.parametrize("name", STEPS)
def test_the_generator_decides_and_inputs_stay(name: str) -> None:
    x, target = batch(name)
    kept = x.clone(), target.clone()
    first, second, third = (run(name, x, target, seed) for seed in (1, 1, 2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], third[0])
    assert torch.equal(x, kept[0])
    assert torch.equal(target, kept[1])
    state = torch.get_rng_state()
    run(name, x, target)
    assert torch.equal(torch.get_rng_state(), state), "nothing is drawn elsewhere"


@pytest.mark.parametrize("name", [name for name in STEPS if not name.startswith("turn")])
def test_all_is_made_where_the_clips_are(name: str) -> None:
    x, target = batch(name)
    with torch.device("meta"):  # where all would be made that does not say its place
        found, labels = run(name, x, target)
    wanted, same = run(name, x, target)
    assert torch.equal(found, wanted)
    assert torch.equal(labels, same)


@pytest.mark.parametrize("name", STEPS)
def test_with_no_chance_all_stays(name: str) -> None:
    x, target = batch(name)
    found, labels = run(name, x, target, p=0)
    torch.testing.assert_close(found, x)
    assert torch.equal(labels, target)


@pytest.mark.parametrize("name", STEPS)
def test_clips_are_augmented_on_their_own(name: str) -> None:
    """Some change and some do not, and those that change do so in different ways."""
    x, target = batch(name)
    same = x[:1].expand_as(x).clone()  # only labels tell the clips apart
    changed, ways = 0, set()
    for seed in range(20):
        found, _ = run(name, same, target, seed, p=0.5)
        for clip in range(BATCH):
            if not torch.allclose(found[clip], same[clip], atol=1e-5):
                changed += 1
                ways.add(round(float(found[clip].flatten()[::7].double().abs().sum()), 3))
    assert 20 <= changed <= 90
    assert len(ways) > 3 or name.startswith("turn_clips")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", STEPS)
def test_every_precision_is_kept_under_autocast(name: str, dtype: torch.dtype) -> None:
    x, target = batch(name, dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found, labels = run(name, x, target)
    wanted, same = run(name, x.double(), target)
    assert found.dtype == dtype
    assert torch.equal(labels, same)
    bound = 2 * torch.finfo(dtype).eps * float(wanted.abs().amax())
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=max(bound, 1e-4))


@pytest.mark.parametrize("name", STEPS)
def test_a_batch_without_clips_stays_so(name: str) -> None:
    x, target = batch(name)
    found, labels = run(name, x[:0], target[:0])
    assert found.shape == x[:0].shape
    assert labels.shape == target[:0].shape


@pytest.mark.messages
@pytest.mark.parametrize("name", STEPS)
def test_wrong_chances_are_named(name: str) -> None:
    x, target = batch(name)
    for wrong in (-0.1, 1.5, torch.nan):
        with pytest.raises(ValueError, match=r"p must lie in 0\.\.1, got"):
            run(name, x, target, p=wrong)
    with pytest.raises(TypeError, match="p must be a number, got 'often'"):
        run(name, x, target, p="often")
    with pytest.raises(
        ValueError, match="generator must be on meta, as what is augmented, got cpu"
    ):
        augment.add_noise(x.flatten(2).to("meta"), target, generator=torch.Generator())


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
@pytest.mark.parametrize("name", STEPS)
def test_all_stays_on_the_device(name: str, device: str) -> None:
    x, target = batch(name)
    step, settings = STEPS[name]
    generator = torch.Generator(device).manual_seed(1)
    found, labels = step(x.to(device), target.to(device), generator=generator, **settings)
    assert found.device.type == labels.device.type == device
    assert found.shape == x.shape
