"""Published means and scales become standardisation."""

from typing import Any

import pytest
import torch

from seldkit.features import Standardize


def test_arrays_of_scikit_learn() -> None:
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    features = 3 + torch.randn(2, 7, 50, 4, dtype=torch.float64) * torch.arange(1, 5)
    features[:, 2, :, 1] = 5  # a constant
    layouts: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda x: x.permute(0, 2, 1, 3).flatten(2)),
        ({"order": "bin_channel"}, lambda x: x.permute(0, 2, 3, 1).flatten(2)),
        (
            {"order": "bin_channel", "blocks": (4, 3)},
            lambda x: torch.cat(
                [part.permute(0, 2, 3, 1).flatten(2) for part in x.split((4, 3), dim=1)], dim=2
            ),
        ),
    ]
    for settings_, columns in layouts:
        table = columns(features).flatten(0, 1).numpy()
        scaler = preprocessing.StandardScaler().fit(table)
        made = Standardize.from_arrays(scaler.mean_, scaler.scale_, 7, 4, **settings_).double()
        found = Standardize.from_arrays(scaler.mean_, scaler.scale_, 7, 4, **settings_)
        expected = torch.from_numpy(scaler.transform(table))
        torch.testing.assert_close(
            columns(made(features)).flatten(0, 1), expected, rtol=1e-5, atol=1e-5
        )
        assert found.fitted
        loaded = Standardize(7, 4)
        loaded.load_state_dict(found.state_dict())
        assert torch.equal(loaded(features), found(features))


def test_arrays_of_some_channels() -> None:
    mean, scale = torch.randn(4, 1, 5), 1 + torch.rand(4, 1, 5)
    made = Standardize.from_arrays(mean, scale.numpy(), 7, 5, channels=range(4), num_frames=80)
    features = torch.randn(2, 7, 3, 5)
    result = made(features)
    torch.testing.assert_close(result[:, :4], (features[:, :4] - mean) / scale)
    assert torch.equal(result[:, 4:], features[:, 4:])
    assert (made.channels, made.per, made.num_channels, made.num_bins) == (
        (0, 1, 2, 3),
        "channel_bin",
        7,
        5,
    )
    assert int(made.num_frames) == 80
    flat = Standardize.from_arrays(mean.flatten().tolist(), scale[:, 0], 7, 5, channels=range(4))
    assert torch.equal(flat(features), result)


@pytest.mark.messages
def test_messages_of_arrays() -> None:
    one = [1.0, 1.0]
    for arguments, message in (
        (
            ([1.0], one, 1, 2),
            r"mean must have 2 columns, or be \(channel=1, bin=2\), got shape \(1,\)",
        ),
        ((one, [1.0, 0.0], 1, 2), "scale must be positive, got other values in 1 of its columns"),
        ((one, [1.0, torch.nan], 1, 2), "scale must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            Standardize.from_arrays(*arguments)
    with pytest.raises(ValueError, match="order must be one of 'channel_bin', 'bin_channel'"):
        Standardize.from_arrays(one, one, 1, 2, order="bins")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"blocks must have 2 channels together, got \[1, 2\]"):
        Standardize.from_arrays(one, one, 2, 1, blocks=(1, 2))
    for wrong in (True, 1.5):
        with pytest.raises(TypeError, match="num_channels must be an integer"):
            Standardize(wrong, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="channels must be an integer"):
            Standardize(4, 3, channels=[wrong])  # type: ignore[list-item]
