"""Networks that were trained for different tasks, joined when they predict."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._builders import builder
from seldkit._checks import check_same_shape
from seldkit._typing import Float
from seldkit.outputs import SELDOutput


class JoinedTrainings(nn.Module):
    """Three class-wise networks whose outputs are averaged, each where it was trained.

    Shape:
        - Input: features `(batch, channel, time, freq)`.
        - Output: activity `(batch, frame, cls)`, direction `(batch, frame, cls, axis)`, distance
          `(batch, frame, cls)` in metres.

    Args:
        sed_doa: Trained for activity and direction.
        sed_sde: Trained for activity and distance.
        sed_doa_sde: Trained for all three.
    """

    def __init__(self, *, sed_doa: nn.Module, sed_sde: nn.Module, sed_doa_sde: nn.Module) -> None:
        super().__init__()
        self.sed_doa, self.sed_sde, self.sed_doa_sde = sed_doa, sed_sde, sed_doa_sde

    def forward(self, features: Float[Tensor, "batch channel time freq"]) -> SELDOutput:
        """Return the joint output; the activity is the logit of the mean probability."""
        doa, sde, joint = (
            cast("SELDOutput", network(features))
            for network in (self.sed_doa, self.sed_sde, self.sed_doa_sde)
        )
        for name, output in (("sed_doa", doa), ("sed_sde", sde), ("sed_doa_sde", joint)):
            if not isinstance(output, SELDOutput):
                kind = type(output).__name__
                raise TypeError(f"{name} must return activity and direction, got a {kind}")
        check_same_shape(sed_doa=doa.activity, sed_sde=sde.activity, sed_doa_sde=joint.activity)
        for name, output in (("sed_sde", sde), ("sed_doa_sde", joint)):
            if output.distance is None:
                raise ValueError(f"{name} must estimate distances, got none")
        metres = torch.stack([x for x in (sde.distance, joint.distance) if x is not None])
        logits = torch.stack((doa.activity, sde.activity, joint.activity))
        sounding, silent = (functional.logsigmoid(x).logsumexp(dim=0) for x in (logits, -logits))
        direction = (doa.direction + joint.direction) / 2
        return SELDOutput(sounding - silent, direction, metres.mean(dim=0))


@builder
def joined_trainings(
    sed_doa: nn.Module, sed_sde: nn.Module, sed_doa_sde: nn.Module
) -> JoinedTrainings:
    """Build a network of three that were trained for different tasks, as NERC-SLIP predicted.

    Activities are averaged over all three, as probabilities; directions over the networks that were
    trained for them, and distances likewise. That three trainings are combined is told by the
    paper; how is not in its public code, and the plain mean is our reading.

    Args:
        sed_doa: Class-wise network trained for activity and direction, such as
            [`resnet_conformer`][seldkit.models.resnet_conformer].
        sed_sde: Trained for activity and distance; its directions are left aside.
        sed_doa_sde: Trained for all three.

    Returns:
        A network from features `(batch, channel, time, freq)` to activity logits, directions and
        distances.

    Raises:
        TypeError: If one is no module.

    Source: Dong et al., arXiv 2501.10755, ICASSP 2025, the first of DCASE 2024 task 3, track A.

    Examples:
        >>> from seldkit.models import resnet_conformer
        >>> sizes = {"channels": 16, "num_layers": 1, "num_heads": 2, "widths": (4, 4, 4, 4)}
        >>> far = {"distance": True, "distance_branch": "own"}
        >>> pair = [resnet_conformer(13, **far, **sizes) for _ in range(2)]
        >>> model = joined_trainings(resnet_conformer(13, **sizes), *pair).eval()
        >>> model(torch.zeros(1, 7, 50, 64)).distance.shape
        torch.Size([1, 10, 13])
    """
    for name, network in (("sed_doa", sed_doa), ("sed_sde", sed_sde), ("sed_doa_sde", sed_doa_sde)):
        if not isinstance(network, nn.Module):
            raise TypeError(f"{name} must be a module, got {type(network).__name__}")
    return JoinedTrainings(sed_doa=sed_doa, sed_sde=sed_sde, sed_doa_sde=sed_doa_sde)
