"""Overlapping end-to-end learning: blocks, chains of them, and stages of training."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seldkit._builders import built_by
from seldkit.models import (
    MapClassifier,
    OverlappingE2E,
    OverlappingOutput,
    SourceSeparator,
    overlapping_e2e,
    overlapping_losses,
    reference_spectrogram,
    transplant,
)
from transforms import assert_compiles_and_exports

KEYS = Path(__file__).with_name("overlapping_e2e_keys.json")
CHAINS = {  # blocks with their names, in the order of the signal
    "ssl": ["ssl"],
    "sss": ["sss.a"],
    "ssc": ["ssc"],
    "ssl+sss": ["ssl", "sss.a"],
    "sss+ssc": ["sss.b", "ssc"],
    "cascade": ["ssl", "sss.a", "ssc"],
    "overlapping": ["ssl", "sss.a", "sss.b", "ssc"],
}
MAKES = {"ssl": ["direction"], "sss": ["spectrogram", "separated"], "ssc": ["logits"]}
each_chain = pytest.mark.parametrize("parts", CHAINS)


def small(num_classes: int = 5, num_directions: int = 4, **arguments: Any) -> OverlappingE2E:
    """Return a network of few weights for three microphones."""
    sizes: dict[str, Any] = {
        "num_microphones": 3,
        "widths": (4, 6),
        "unet_widths": (4, 6, 8),
        "grid_time": 2,
        "grid_freq": 3,
    }
    return overlapping_e2e(num_classes, num_directions, **(sizes | arguments))


def mixture(batch: int = 2, time: int = 12, freq: int = 9) -> Tensor:
    """Return features of three microphones: levels in decibels, cosines and sines."""
    features = torch.rand(batch, 5, time, freq)
    return torch.cat((60 * features[:, :1] - 40, 2 * features[:, 1:] - 1), dim=1)


def truth(features: Tensor) -> dict[str, Any]:
    """Return a direction and a spectrogram for chains that lack what finds them."""
    return {
        "direction": torch.eye(4)[torch.arange(len(features)) % 4],
        "spectrogram": reference_spectrogram(features) / 2,
    }


def test_sizes_of_the_paper() -> None:
    with torch.device("meta"):
        model = overlapping_e2e(75)
        output = model(torch.zeros(1, 15, 256, 256))
    assert output.direction is not None
    assert output.separated is not None
    assert output.spectrogram is not None
    assert output.logits is not None
    assert output.direction.shape == (1, 8)
    assert output.separated.shape == (1, 2, 256, 256)
    assert output.spectrogram.shape == (1, 256, 256)
    assert output.logits.shape == (1, 75)
    counts = {
        name: sum(p.numel() for p in part.parameters()) for name, part in model.named_children()
    }
    assert counts == {"ssl": 916_648, "sss": 2 * 31_049_153, "ssc": 5_303_595, "gate": 0}


def test_names_are_pinned() -> None:
    pinned = json.loads(KEYS.read_text())
    with torch.device("meta"):
        whole = overlapping_e2e(75)
        variants = {
            "map": overlapping_e2e(75, ssl_output="map"),
            "learned": overlapping_e2e(75, gate="learned"),
            "scalar": overlapping_e2e(75, gate="scalar"),
        }
    names = set(whole.state_dict())
    assert {name: list(x.shape) for name, x in whole.state_dict().items()} == pinned["overlapping"]
    for name, model in variants.items():
        assert sorted(set(model.state_dict()) - names) == pinned[f"{name}_adds"]


@each_chain
def test_blocks_have_one_name_in_all_chains(parts: Any) -> None:
    names = set(small(parts=parts).state_dict())
    assert names == {n for n in small().state_dict() if n.startswith(tuple(CHAINS[parts]))}


@each_chain
def test_every_chain_learns_with_all_its_weights(parts: Any) -> None:
    model, features = small(parts=parts), mixture()
    given = truth(features)
    found = model(features, **given)
    blocks = list(dict.fromkeys(block.split(".")[0] for block in CHAINS[parts]))
    made = {name for name, x in found._asdict().items() if x is not None}
    assert made == {name for block in blocks for name in MAKES[block]}
    # Where truth is given to a block, nothing reaches the blocks before it: each has its loss.
    losses = overlapping_losses(found, **given, label=torch.tensor([0, 4]))
    assert list(losses) == blocks
    torch.stack(list(losses.values())).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_the_loss_at_the_end_reaches_every_block() -> None:
    variants: list[dict[str, Any]] = [
        {},
        {"ssl_output": "map"},
        {"sss_output": "direct"},
        {"gate": "learned"},
        {"gate": "scalar"},
    ]
    for settings in variants:
        model, features = small(**settings), mixture()
        losses = overlapping_losses(model(features), label=torch.tensor([0, 4]))
        losses["ssc"].backward()
        grads = {n: p.grad for n, p in model.named_parameters()}
        assert [name for name, grad in grads.items() if grad is None] == []
        for block in ("ssl", "sss.a", "sss.b", "ssc"):
            assert any(g.any() for n, g in grads.items() if n.startswith(block) and g is not None)


def test_detached_ssl_learns_from_its_own_loss_alone() -> None:
    model, features = small(detach_ssl=True), mixture()
    output = model(features)
    losses = overlapping_losses(output, **truth(features), label=torch.tensor([0, 4]))
    (losses["sss"] + losses["ssc"]).backward(retain_graph=True)
    assert all(p.grad is None for n, p in model.named_parameters() if n.startswith("ssl"))
    losses["ssl"].backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if n.startswith("ssl"))


def test_what_is_given_takes_the_place_of_what_is_found() -> None:
    model, features = small().eval(), mixture()
    given = truth(features)
    free, led = model(features), model(features, direction=given["direction"])
    torch.testing.assert_close(free.direction, led.direction)
    assert not torch.allclose(free.separated, led.separated)
    again = model(features, direction=free.direction)
    torch.testing.assert_close(again.logits, free.logits)
    read = model(features, spectrogram=free.spectrogram)
    torch.testing.assert_close(read.logits, free.logits)
    assert not torch.allclose(model(features, spectrogram=given["spectrogram"]).logits, free.logits)


def test_weights_pass_through_the_three_stages() -> None:
    features = mixture()
    ssl, sss, ssc = (small(parts=parts).eval() for parts in ("ssl", "sss", "ssc"))
    state = small(parts="cascade").state_dict()
    for alone in (ssl, sss, ssc):
        part = next(iter(alone.state_dict())).split(".")[0] + "."
        state = transplant(state, alone.state_dict(), {part: part}).state
    cascade = small(parts="cascade").eval()
    cascade.load_state_dict(state)
    output = cascade(features)
    direction = ssl(features).direction
    separated = sss(features, direction=direction).spectrogram
    torch.testing.assert_close(output.direction, direction)
    torch.testing.assert_close(output.spectrogram, separated)
    torch.testing.assert_close(output.logits, ssc(features, spectrogram=separated).logits)

    pair_a, pair_b = small(parts="ssl+sss").eval(), small(parts="sss+ssc").eval()
    state = transplant(pair_b.state_dict(), sss.state_dict(), {"sss.a.": "sss.b."}).state
    pair_b.load_state_dict(state)
    torch.testing.assert_close(pair_b(features, direction=direction).spectrogram, separated)
    whole = small().eval()
    whole.load_state_dict({**pair_a.state_dict(), **pair_b.state_dict()})
    a = pair_a(features)
    b = pair_b(features, direction=a.direction)
    wanted = torch.stack((a.spectrogram, b.spectrogram), dim=1)
    torch.testing.assert_close(whole(features).separated, wanted)


def test_both_separators_make_one_spectrogram_where_they_agree() -> None:
    model, features = small().eval(), mixture()
    model.sss["b"].load_state_dict(model.sss["a"].state_dict())
    output = model(features)
    torch.testing.assert_close(output.spectrogram, output.separated[:, 0])


@pytest.mark.parametrize("compression", [1.0, 0.3])
def test_a_mask_takes_nothing_that_is_not_there(compression: float) -> None:
    model, features = small(compression=compression).eval(), mixture()
    reference = reference_spectrogram(features, compression=compression)
    spectrogram = model(features).spectrogram
    assert (spectrogram >= 0).all()
    assert (spectrogram <= reference).all()
    direct = small(sss_output="direct", compression=compression).eval()(features).separated
    assert (direct >= 0).all()


def test_the_reference_spectrogram_is_the_magnitude() -> None:
    spectrum = torch.randn(2, 6, 4, dtype=torch.complex64)
    level = 20 * spectrum.abs().log10()
    features = torch.stack((level, torch.randn_like(level)), dim=1)
    for compression in (1.0, 0.3):
        wanted = spectrum.abs() ** compression
        torch.testing.assert_close(reference_spectrogram(features, compression=compression), wanted)


@pytest.mark.parametrize("ssl_output", ["vector", "map"])
@pytest.mark.parametrize(
    ("classes", "directions", "microphones", "batch", "time", "freq"),
    [(1, 1, 2, 1, 1, 1), (12, 8, 8, 1, 37, 33), (3, 12, 4, 3, 5, 64)],
)
def test_shapes(
    ssl_output: Any,
    classes: int,
    directions: int,
    microphones: int,
    batch: int,
    time: int,
    freq: int,
) -> None:
    model = small(classes, directions, num_microphones=microphones, ssl_output=ssl_output).eval()
    output = model(torch.randn(batch, 2 * microphones - 1, time, freq))
    maps = (time, freq) if ssl_output == "map" else ()
    assert output.direction.shape == (batch, directions, *maps)
    assert output.spectrogram.shape == (batch, time, freq)
    assert output.logits.shape == (batch, classes)


def test_training_with_a_batch_of_one_and_items_do_not_mix() -> None:
    model = small()
    model.train()(mixture(1)).logits.sum().backward()
    features = mixture(3)
    batch, item = model.eval()(features), model(features[1:2])
    torch.testing.assert_close(batch.logits[1:2], item.logits)
    torch.testing.assert_close(batch.spectrogram[1:2], item.spectrogram)


def test_features_are_taken_to_one_scale_and_not_changed() -> None:
    model, features = small(parts="ssl").train(), mixture(4, 16, 16)
    kept, louder = features.clone(), features.clone()
    louder[:, 0] += 20  # louder by 20 dB, all of it
    torch.testing.assert_close(model(features).direction, model(louder).direction)
    assert torch.equal(features, kept)


def test_flattening_is_what_a_full_grid_does() -> None:
    model = MapClassifier(2, 3, widths=(4, 4), grid_time=4, grid_freq=3).eval()
    maps = torch.randn(2, 2, 16, 12)
    x = maps
    for stage in model.stages:
        x = stage(x)
    torch.testing.assert_close(model(maps), model.output(x.flatten(1)))


def test_losses_by_hand() -> None:
    output = OverlappingOutput(
        torch.tensor([[0.0, 0.0]]),
        torch.full((1, 2, 2), 3.0),
        None,
        torch.tensor([[0.5, 0.0]]),
    )
    losses = overlapping_losses(
        output,
        direction=torch.tensor([[1.0, 0.0]]),
        spectrogram=torch.ones(1, 2, 2),
        label=torch.tensor([0]),
    )
    assert {name: float(x) for name, x in losses.items()} == {"ssl": 0.125, "sss": 4, "ssc": 0.25}
    entropy = overlapping_losses(output, label=torch.tensor([0]), classification="cross_entropy")
    torch.testing.assert_close(entropy["ssc"], torch.tensor(2.0).log())
    maps = output._replace(direction=torch.full((1, 2, 2, 2), 0.5))
    assert overlapping_losses(maps, direction=torch.tensor([[1.0, 0.0]]))["ssl"] == 0.25
    assert overlapping_losses(output) == {}


def test_parts_are_given() -> None:
    separators = {name: SourceSeparator(5, 4, nn.Conv2d(9, 1, 1)) for name in ("near", "far")}
    model = OverlappingE2E(sss=separators, gate=nn.Flatten(2, 2))
    features = mixture()
    assert {n.split(".")[1] for n in model.state_dict()} == {"near", "far"}
    assert model(features, direction=torch.eye(4)[:2]).separated.shape == (2, 2, 12, 9)


def test_autocast() -> None:
    model, features = small(), mixture()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(features)
        losses = overlapping_losses(output, **truth(features), label=torch.tensor([0, 4]))
    torch.stack([loss.float() for loss in losses.values()]).sum().backward()
    assert all(x.isfinite().all() for x in (*output, *losses.values()) if x is not None)


@pytest.mark.transforms
def test_compiles_and_exports() -> None:
    model = small(unet_widths=(4, 6), widths=(4,), gate="learned").eval()
    assert_compiles_and_exports(model, mixture(2, 9, 7))


def test_the_call_is_remembered() -> None:
    model = small(3, parts="cascade", ssl_output="map")
    call = built_by(model)
    assert call is not None
    assert call.name == "overlapping_e2e"
    again = overlapping_e2e(**json.loads(json.dumps(call.arguments)))
    again.load_state_dict(model.state_dict())
    features = mixture()
    assert torch.equal(again.eval()(features).logits, model.eval()(features).logits)


@pytest.mark.messages
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes must be at least 1, got 0"),
        ({"num_directions": 0}, "num_directions must be at least 1, got 0"),
        ({"num_microphones": 1}, "num_microphones must be at least 2, got 1"),
        ({"parts": "ssl+ssc"}, "parts must be one of 'ssl', 'sss', 'ssc', .* got 'ssl"),
        ({"ssl_output": "plane"}, "ssl_output must be one of 'vector', 'map', got 'plane'"),
        ({"sss_output": "soft"}, "sss_output must be one of 'mask', 'direct', got 'soft'"),
        ({"gate": "hard"}, "gate must be one of 'self', 'learned', 'scalar', got 'hard'"),
        ({"compression": 0}, "compression must be positive, got 0"),
        ({"widths": ()}, "widths must hold one stage at least, got none"),
        ({"widths": (4, 0)}, r"widths\[1\] must be at least 1, got 0"),
        ({"grid_time": 0}, "grid_time must be at least 1, got 0"),
    ],
)
def test_messages_of_wrong_settings(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


@pytest.mark.messages
def test_messages_of_wrong_parts() -> None:
    part = nn.Identity()
    with pytest.raises(ValueError, match="ssl, sss or ssc must be given, got none of them"):
        OverlappingE2E()
    with pytest.raises(ValueError, match="sss must be given, as it joins ssl and ssc"):
        OverlappingE2E(ssl=part, ssc=part)
    with pytest.raises(ValueError, match="gate must be given to join 2 sss, got None"):
        OverlappingE2E(sss={"a": part, "b": nn.Identity()})


@pytest.mark.messages
def test_messages_of_wrong_inputs() -> None:
    features = mixture()
    with pytest.raises(ValueError, match=r"features must be \(batch, channel, time, freq\), got"):
        small()(features[0])
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=5, time, freq\)"):
        small()(features[:, 1:])
    with pytest.raises(ValueError, match="direction must be given, as the network has no ssl"):
        small(parts="sss")(features)
    with pytest.raises(ValueError, match="spectrogram must be given, as the network has no sss"):
        small(parts="ssc")(features)
    with pytest.raises(
        ValueError, match=r"direction must be \(batch=2, direction=4, time=12, freq"
    ):
        small()(features, direction=torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"spectrogram must be \(batch=2, time, freq\), got shape"):
        small()(features, spectrogram=torch.zeros(1, 12, 9))
    output = small()(features)
    with pytest.raises(ValueError, match="direction and found must have the same shape, got"):
        overlapping_losses(output, direction=torch.zeros(2, 3))
    with pytest.raises(ValueError, match="spectrogram and separated must have the same shape, got"):
        overlapping_losses(output, spectrogram=torch.zeros(2, 3, 9))
    with pytest.raises(ValueError, match=r"label must be \(batch=2\), got shape \(3,\)"):
        overlapping_losses(output, label=torch.zeros(3, dtype=torch.int64))
    wrong: Any = "focal"
    with pytest.raises(ValueError, match="classification must be one of 'mse', 'cross_entropy'"):
        overlapping_losses(output, classification=wrong)
