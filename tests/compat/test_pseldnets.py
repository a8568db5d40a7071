"""Published weights of PSELDNets arrive under our names, or the error lists what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from networks import htsat_pair
from seldkit.backbones import crnn, htsat
from seldkit.compat import pseldnets
from seldkit.models import einv2, encoder_seld

Golden = Callable[[str], Path]
Weights = dict[str, Tensor]
Load = Callable[[str], Weights]
NETWORKS = ("seddoa_htsat", "einv2_htsat", "maccdoa_htsat", "einv2_cnn8_conformer")
HTSAT: dict[str, Any] = {"depths": (2, 2, 2, 2), "num_heads": (2, 2, 4, 4), "embed_dim": 16}
CNN8: dict[str, Any] = {
    "widths": (8, 16, 24, 32),
    "pool_time": (2, 2, 2, 1),
    "pool_freq": (2, 2, 2, 2),
    "num_layers": 1,
    "num_bins": 64,
}


@pytest.fixture
def load(golden: Golden) -> Load:
    """Return a function from the name of a network to its published names and random weights."""
    return lambda name: load_file(golden(f"einv2/pseld_{name}.safetensors"))


def crnn_weights(load: Load) -> Weights:
    """Return published names of multi-ACCDOA with CNN8 and a Conformer block, for 5 classes."""
    names = {
        "doa_convs.": "convs.",
        "doa_track1.decoder.": "decoder.decoder.",
        "scalar.": "scalar.",
    }
    published = load("einv2_cnn8_conformer")
    weights = {
        new + name.removeprefix(old): tensor
        for old, new in names.items()
        for name, tensor in published.items()
        if name.startswith(old)
    }
    return weights | {"fc.weight": torch.randn(45, 32), "fc.bias": torch.arange(45.0)}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_number_arrives_once(load: Load, name: str) -> None:
    published = load(name)
    counted_again = {f"scalar.{channel}.num_batches_tracked" for channel in range(1, 7)}
    computed = ("relative_position_index", "attn_mask")
    kept = [
        tensor.flatten().double()
        for key, tensor in published.items()
        if key not in counted_again and not key.endswith(computed)
    ]
    converted = pseldnets.convert(published, num_classes=5)
    ours = [tensor.flatten().double() for tensor in converted.values()]
    assert torch.equal(torch.cat(ours).sort()[0], torch.cat(kept).sort()[0])


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("prefix", ["net.", "net._orig_mod.", "_orig_mod."])
def test_checkpoints_of_lightning(load: Load, name: str, prefix: str) -> None:
    published = load(name)
    state = {prefix + key: tensor for key, tensor in published.items()}
    extractor = torch.zeros(513, 64)
    state |= {f"{prefix}af_extractor.melW": extractor, "af_extractor.stft.window": extractor}
    table = torch.zeros(1, 10000, 32)
    state[f"{prefix}sed_track1.decoder.layers.0.sequential.1.module.positional_encoding.pe"] = table
    checkpoint = {"state_dict": state, "epoch": 7, "hyper_parameters": {"lr": 1e-4}}
    converted = pseldnets.convert(checkpoint, num_classes=5)
    wanted = pseldnets.convert(published, num_classes=5)
    assert converted.keys() == wanted.keys()
    assert all(torch.equal(converted[key], wanted[key]) for key in wanted)


def test_reading_needs_no_code(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "EINV2-HTSAT.ckpt"
    torch.save({"state_dict": load("einv2_htsat"), "epoch": 7}, path)
    checkpoint = torch.load(path, weights_only=True)
    model = encoder_seld(htsat_pair(**HTSAT), 5)
    model.load_state_dict(pseldnets.convert(checkpoint))


def test_a_batch_norm_of_each_channel_becomes_one(load: Load) -> None:
    published = load("seddoa_htsat")
    means = pseldnets.convert(published)["encoder.norm.batch_norm.running_mean"]
    for channel in range(7):
        part = means[64 * channel : 64 * (channel + 1)]
        assert torch.equal(part, published[f"scalar.{channel}.running_mean"])


@pytest.mark.parametrize(("format", "tracks"), [("multi_accdoa", 3), ("accdoa", 1)])
def test_rows_of_vectors(load: Load, format: Any, tracks: int) -> None:
    published, rows = load("maccdoa_htsat"), 15 * tracks
    published["tscam_conv.bias"] = torch.arange(float(rows))
    published["tscam_conv.weight"] = published["tscam_conv.weight"][:rows].clone()
    model: Any = encoder_seld(htsat(**HTSAT), 5, format=format)
    model.load_state_dict(pseldnets.convert(published, num_classes=5))
    bias = model.vectors.conv.bias.detach().reshape(tracks, 5, 3)
    track, cls, axis = torch.meshgrid(*map(torch.arange, bias.shape), indexing="ij")
    assert torch.equal(bias, (15 * track + 5 * axis + cls).float())


def test_convolutions_and_a_conformer(load: Load) -> None:
    model: Any = encoder_seld(crnn(**CNN8), 5, format="multi_accdoa")
    published = crnn_weights(load)
    model.load_state_dict(pseldnets.convert(published, num_classes=5))
    weight = model.vectors.conv.weight.detach()
    assert torch.equal(weight[2, :, 0, 0], published["fc.weight"][10])  # z of the first class


@pytest.mark.parametrize("layers", [1, 2])
def test_convolutions_and_recurrent_layers(load: Load, layers: int) -> None:
    gru = nn.GRU(32, 16, layers, bidirectional=True, batch_first=True)
    published = {k: v for k, v in crnn_weights(load).items() if not k.startswith("decoder")}
    published |= {f"decoder.decoder.{k}": v for k, v in gru.state_dict().items()}
    encoder = crnn(temporal="gru", **(CNN8 | {"num_layers": layers}))
    model: Any = encoder_seld(encoder, 5, format="multi_accdoa")
    model.load_state_dict(pseldnets.convert(published, num_classes=5))
    x = torch.randn(2, 9, 32)
    torch.testing.assert_close(model.eval().encoder.temporal(x), gru(x)[0])


def test_fewer_tracks(load: Load) -> None:
    published = load("einv2_cnn8_conformer")
    lost = ("sed_track3", "doa_track3", "fc_sed_track3", "fc_doa_track3", "stitch.5")
    fewer = {key: tensor for key, tensor in published.items() if not key.startswith(lost)}
    sizes = CNN8 | {"feedforward": 128, "temporal": "conformer", "stitch_tracks": True}
    einv2(5, 2, **sizes).load_state_dict(pseldnets.convert(fewer))


def test_unknown_and_missing_names_are_all_listed(load: Load) -> None:
    wrong = [
        "doa_encoder.norm.weight",
        "encoder.head.weight",
        "encoder.layers.0.blocks.0.attn.qkv.gain",
        "fc_sed_track1.bias",
        "loss.alpha",
        "stitch1.0.weight",
        "scalar.0.momentum",
        "tscam_conv.bias",
    ]
    lost = {
        "encoder.norm.bias": "encoder.stages.4.end.bias",
        "encoder.layers.2.downsample.reduction.weight": "encoder.stages.3.end.reduction.weight",
        "scalar.3.running_var": "encoder.norm.batch_norm.running_var[3]",
        "sed_tscam_conv.weight": "activity.conv.weight",
    }
    published = {key: tensor for key, tensor in load("seddoa_htsat").items() if key not in lost}
    with pytest.raises(KeyError) as error:
        pseldnets.convert(published | dict.fromkeys(wrong, torch.zeros(1)))
    message = error.value.args[0]
    assert message.startswith("these are not the weights of EINV2 with HTS-AT; unknown: ")
    del wrong[0]  # two encoders are what the name tells, so the others are unknown
    published |= dict.fromkeys(wrong, torch.zeros(1))
    with pytest.raises(KeyError) as error:
        pseldnets.convert(published)
    missing = sorted(f"{theirs} (here {ours})" for theirs, ours in lost.items())
    assert error.value.args[0] == (
        "these are not the weights of SEDDOA with HTS-AT;"
        f" unknown: {sorted(wrong)}; missing: {missing}"
    )


def test_two_names_of_one_tensor_are_listed(load: Load) -> None:
    published = load("seddoa_htsat")
    twice = published | {"net.scalar.2.bias": published["scalar.2.bias"]}
    with pytest.raises(KeyError, match=r"got twice: \['net.scalar.2.bias', 'scalar.2.bias'\]"):
        pseldnets.convert(twice)


@pytest.mark.parametrize(
    ("name", "network", "missing"),
    [
        ("sed_tscam_conv.bias", "SEDDOA with HTS-AT", "direction.conv.bias"),
        ("sed_encoder.norm.bias", "EINV2 with HTS-AT", "encoder.trunk.stitches.3.weight"),
        ("fc_sed_track1.bias", "EINV2 with convolutions", "trunk.stitches.0.weight"),
        ("fc.bias", "ACCDOA with convolutions", "encoder.temporal.0.norm.bias"),
        ("tscam_conv.bias", "ACCDOA with HTS-AT", "encoder.stages.4.end.bias"),
    ],
)
def test_one_name_is_enough_to_know_the_network(name: str, network: str, missing: str) -> None:
    with pytest.raises(KeyError) as error:
        pseldnets.convert({name: torch.zeros(3)})
    message = error.value.args[0]
    assert message.startswith(f"these are not the weights of {network}; unknown: []; missing: ")
    assert missing in message


def test_nothing_is_not_a_network() -> None:
    with pytest.raises(KeyError, match=r"missing: .*'tscam_conv\.bias \(here vectors\.conv\.bias"):
        pseldnets.convert({})


@pytest.mark.parametrize(
    ("num_classes", "message"),
    [
        (None, "num_classes must be given for the weights of ACCDOA or multi-ACCDOA"),
        (0, "num_classes must be at least 1, got 0"),
        (4, "num_classes must fit the 45 outputs of the weights, got 4"),
    ],
)
def test_numbers_of_classes_that_do_not_fit(
    load: Load, num_classes: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        pseldnets.convert(load("maccdoa_htsat"), num_classes=num_classes)
