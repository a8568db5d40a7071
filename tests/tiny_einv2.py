"""The example that trains EINV2, with a network so small that an epoch takes a second."""

import sys
from typing import Any
from unittest import mock

from house import ROOT

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import train_einv2
from seldkit import models

build = models.einv2


def tiny(num_classes: int, **_: Any) -> Any:
    """Return a network of the same parts, a thousandth of the size."""
    return build(
        num_classes,
        sed_channels=7,
        widths=(4, 8, 8, 8),
        pool_freq=(4, 4, 2, 1),
        num_heads=2,
        feedforward=8,
        dropout=0.1,
        stitch_tracks=True,
    )


def main() -> None:
    """Run the example."""
    with mock.patch.object(models, "einv2", tiny):
        train_einv2.main()


if __name__ == "__main__":
    main()
