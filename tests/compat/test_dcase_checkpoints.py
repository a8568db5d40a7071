"""Published weights of the DCASE baselines give the published output, in our order of axes."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from references.seldnet import baseline, random_weights
from seldkit.compat import dcase
from seldkit.models import SELDNET_EDITIONS, seldnet

SMALL: dict[str, Any] = {"widths": (16, 16, 16), "rnn_channels": 16, "hidden": (16,)}
Case = tuple[dict[str, Any], dict[str, Any], tuple[int, int]]
YEARS: dict[str, Case] = {  # weights, features and settings, tracks and axes of each baseline
    "2022_accdoa": (
        {"year": 2022, "channels": 7, "bins": 2, "attention": 0},
        SELDNET_EDITIONS["dcase2022"] | {"format": "accdoa"},
        (1, 3),
    ),
    "2022": (
        {"year": 2022, "channels": 7, "bins": 2, "attention": 0},
        dict(SELDNET_EDITIONS["dcase2022"]),
        (3, 3),
    ),
    "2023_mic": (
        {"year": 2023, "channels": 10, "bins": 2},
        SELDNET_EDITIONS["dcase2023"] | {"in_channels": 10},
        (3, 3),
    ),
    "2023_salsa_lite": (
        {"year": 2023, "channels": 7, "bins": 3},
        SELDNET_EDITIONS["dcase2023"] | {"num_bins": 100},
        (3, 3),
    ),
    "2024": ({"year": 2024, "channels": 7, "bins": 2}, dict(SELDNET_EDITIONS["dcase2024"]), (3, 4)),
    "2024_video": (
        {"year": 2024, "channels": 7, "bins": 2, "video": 49},
        dict(SELDNET_EDITIONS["dcase2024_video"]),
        (3, 4),
    ),
    "2025": ({"year": 2025, "channels": 2, "bins": 2}, dict(SELDNET_EDITIONS["dcase2025"]), (3, 3)),
    "2025_video": (
        {"year": 2025, "channels": 2, "bins": 2, "video": 49},
        dict(SELDNET_EDITIONS["dcase2025_video"]),
        (3, 4),
    ),
}


def weights_of(name: str, classes: int = 13) -> dict[str, Tensor]:
    """Return random weights by the names of a baseline."""
    sizes, _, (tracks, axes) = YEARS[name]
    return random_weights(**sizes, rows=tracks * axes * classes)


def bounded(x: Tensor, name: str) -> Tensor:
    """Return what the baseline makes of `(..., axis)` after its last layer, on-screen as logit."""
    if name.startswith(("2022", "2023")):
        return x.tanh()
    if name.startswith("2024"):
        return x
    return torch.cat((x[..., :2].tanh(), x[..., 2:3].relu(), x[..., 3:]), dim=-1)


@pytest.mark.parametrize("name", YEARS)
@pytest.mark.parametrize("classes", [13, 4])
def test_the_output_is_the_published_one(name: str, classes: int) -> None:
    sizes, settings, (tracks, axes) = YEARS[name]
    weights = weights_of(name, classes)
    model = seldnet(classes, **settings | SMALL).eval()
    model.load_state_dict(dcase.convert(weights, classes, tracks))
    features = torch.randn(2, model.in_channels, 23, model.num_bins)
    video = torch.randn(2, 4, 7, 7) if "video" in sizes else None
    with torch.no_grad():
        output = model(features) if video is None else model(features, video)
        flat = baseline(weights, features, video)
    wanted = dcase.unpack_multi_accdoa(flat, tracks, classes)
    wanted = bounded(wanted.squeeze(2) if tracks == 1 else wanted, name)
    assert output.shape == wanted.shape
    assert output.shape[-1] == axes
    torch.testing.assert_close(output, wanted, rtol=0, atol=1e-5)
    assert output.std() > 0.1


@pytest.mark.parametrize("name", YEARS)
def test_every_tensor_arrives_once(name: str) -> None:
    _, settings, (tracks, _) = YEARS[name]
    weights = weights_of(name)
    converted = dcase.convert(weights, num_tracks=tracks)
    unused = [key for key in weights if key.startswith("transformer_decoder_layer.")]
    assert len(converted) == len(weights) - len(unused)
    with torch.device("meta"):
        model = seldnet(13, **settings | SMALL)
    assert {k: x.shape for k, x in converted.items()} == {
        k: x.shape for k, x in model.state_dict().items()
    }
    sums = sorted(float(x.sum()) for key, x in weights.items() if key not in unused)
    ours = sorted(float(x.sum()) for x in converted.values())
    assert ours == pytest.approx(sums, abs=1e-3)


def test_rows_of_the_last_layer_by_hand() -> None:
    weights = weights_of("2024", classes=2)
    weights["fnn_list.1.bias"] = torch.arange(24.0)  # track, axis, class
    bias = dcase.convert(weights, num_classes=2)["head.linear.bias"]
    assert bias[:8].tolist() == [0, 2, 4, 6, 1, 3, 5, 7]  # class 0, then class 1 of track 0
    assert bias[8:16].tolist() == [8, 10, 12, 14, 9, 11, 13, 15]


def test_checkpoints_and_names_of_data_parallel_training() -> None:
    weights = weights_of("2025")
    wrapped = {"seld_model": {f"module.{k}": x for k, x in weights.items()}, "epoch": 3, "opt": {}}
    converted = dcase.convert(wrapped)
    assert converted.keys() == dcase.convert(weights).keys()
    assert all(torch.equal(x, converted[k]) for k, x in dcase.convert(weights).items())


def test_other_numbers_of_layers() -> None:
    weights = weights_of("2023_mic")
    for key in [k for k in weights if "l1" in k or (".1." in k and "fnn" not in k)]:
        del weights[key]
    for part, size in (("weight", (16, 16)), ("bias", (16,))):
        weights[f"fnn_list.2.{part}"] = weights[f"fnn_list.1.{part}"]
        weights[f"fnn_list.1.{part}"] = torch.zeros(size)
    model = seldnet(
        13, in_channels=10, rnn_layers=1, num_attention_layers=1, **SMALL | {"hidden": (16, 16)}
    )
    model.load_state_dict(dcase.convert(weights))


def test_a_checkpoint_of_a_file(tmp_path: Path) -> None:
    weights = weights_of("2025")
    torch.save({"seld_model": weights, "epoch": 3}, tmp_path / "best_model.pth")
    loaded = torch.load(tmp_path / "best_model.pth", map_location="cpu", weights_only=True)
    assert len(dcase.convert(loaded)) == len(weights)


def test_unknown_and_missing_names_are_all_listed() -> None:
    wrong = ["attn.fc_q.weight", "conv_block_list.1.conv.weight", "gru.weight_xx_l0", "fc.bias"]
    lost = {
        "gru.bias_hh_l1_reverse": "sequence.recurrent.gru.0.bias_hh_l1_reverse",
        "layer_norm_list.0.bias": "sequence.attention.0.norm.bias",
        "conv_block_list.3.bn.running_var": "trunk.1.norm.running_var",
        "fnn_list.0.weight": "branches.0.0.weight",
        "fnn_list.1.bias": "head.linear.bias",
    }
    weights = {k: x for k, x in weights_of("2024").items() if k not in lost}
    with pytest.raises(KeyError) as error:
        dcase.convert(weights | dict.fromkeys(wrong, torch.zeros(1)))
    message = error.value.args[0]
    assert f"unknown: {sorted(wrong)}" in message
    missing = sorted(f"{theirs} (here {ours})" for theirs, ours in lost.items())
    assert f"missing: {missing}" in message


def test_two_names_of_one_tensor_are_listed() -> None:
    weights = weights_of("2025")
    both = ["layer_norm_list.0.bias", "layer_norms.0.bias"]
    with pytest.raises(KeyError) as error:
        dcase.convert(weights | {both[0]: weights[both[1]]})
    assert f"unknown: {both[:1]}; missing: []" in error.value.args[0]


def test_the_unused_layer_alone_is_unknown() -> None:
    weights = weights_of("2025") | {"transformer_decoder_layer.norm1.bias": torch.zeros(16)}
    with pytest.raises(KeyError, match=r"unknown: \['transformer_decoder_layer.norm1.bias'\]"):
        dcase.convert(weights)


def test_nothing_is_not_a_network() -> None:
    with pytest.raises(KeyError, match=r"missing: .*'fnn_list\.1\.bias \(here head\.linear\.bias"):
        dcase.convert({})


@pytest.mark.messages
def test_messages_of_wrong_numbers() -> None:
    accdoa = weights_of("2022_accdoa")
    message = "2 to 5 rows for each of 13 classes and 3 tracks, got 39 rows"
    with pytest.raises(ValueError, match=message):
        dcase.convert(accdoa)
    with pytest.raises(ValueError, match="12 classes and 1 tracks, got 39 rows"):
        dcase.convert(accdoa, num_classes=12, num_tracks=1)
    with pytest.raises(ValueError, match="num_classes must be at least 1, got 0"):
        dcase.convert(accdoa, num_classes=0)
