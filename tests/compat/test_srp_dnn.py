"""Published weights of SRP-DNN arrive under our names and give the published output."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from seldkit import Pipeline
from seldkit.arrays import ArrayGeometry
from seldkit.compat import srp_dnn
from seldkit.features import presets
from seldkit.formats import DirectPathPhase
from seldkit.geometry import angle_deg, unit_vector
from seldkit.io import read_audio
from seldkit.models import SRPDNN
from seldkit.models import srp_dnn as build

Golden = Callable[[str], Path]


@pytest.fixture
def weights(golden: Golden) -> dict[str, Tensor]:
    """Return the published weights, whose names begin with `module.`."""
    return load_file(golden("recent/srpdnn_weights.safetensors"))


def loaded(weights: dict[str, Tensor], num_microphones: int = 2) -> SRPDNN:
    """Return the network with weights."""
    model = build(num_microphones)
    model.load_state_dict(srp_dnn.convert(weights))
    return model.eval()


def test_the_published_output(golden: Golden, weights: dict[str, Tensor]) -> None:
    arrays = np.load(golden("recent/srpdnn.npz"))
    features = torch.from_numpy(arrays["x"]).transpose(2, 3)
    wanted = torch.from_numpy(arrays["y"])
    model = loaded(weights)
    with torch.no_grad():
        torch.testing.assert_close(model(features)[:, :, 0].flatten(2), wanted, atol=1e-5, rtol=0)
        # The order of channels is that of the features: both levels, then both phases.
        three = torch.cat((features, features[:, [1, 3]]), dim=1)[:, [0, 1, 4, 2, 3, 5]]
        pairs = loaded(weights, 3)(three)
    torch.testing.assert_close(pairs[:, :, 0], pairs[:, :, 1])
    torch.testing.assert_close(pairs[:, :, 0].flatten(2), wanted, atol=1e-5, rtol=0)


def test_a_real_talker_is_found(data: Golden, weights: dict[str, Tensor]) -> None:
    side = 0.02285
    square = ArrayGeometry([(side, side, 0), (-side, side, 0), (-side, -side, 0), (side, -side, 0)])
    pipeline = Pipeline(
        presets.srp_dnn(4),
        loaded(weights, 4),
        DirectPathPhase(square, max_sources=1),
        window_s=None,
        label_rate=16000 / 3072,
    )
    waveform, sample_rate = read_audio(data("multi_ssl/a180e20_250cm.flac"))
    waveform = waveform[:, :48000]
    events = pipeline.predict(waveform, sample_rate)
    level = events.direction * torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64)
    error = angle_deg(level, unit_vector(180.0, 0.0).double())
    assert len(events) > 5
    assert error.median() < 3
    stream = pipeline.stream()
    told = [stream.push(chunk) for chunk in waveform.split(5000, dim=1)]
    assert sum(map(len, [*told, stream.flush()])) == len(events)


def test_every_tensor_arrives_once(weights: dict[str, Tensor]) -> None:
    bare = {name.removeprefix("module."): x for name, x in weights.items()}
    converted = srp_dnn.convert({"model": bare})
    assert sorted(x.numel() for x in converted.values()) == sorted(x.numel() for x in bare.values())
    with pytest.raises(KeyError, match=r"these are not the weights of SRP-DNN; unknown: .*'more'"):
        srp_dnn.convert(bare | {"more": torch.zeros(1)})
    del bare["rnn.bias_hh_l0"]
    with pytest.raises(KeyError, match=r"missing: \['rnn.bias_hh_l0 \(here pairs.network.seq"):
        srp_dnn.convert(bare)
