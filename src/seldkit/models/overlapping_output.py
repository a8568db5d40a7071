"""What overlapping end-to-end networks make of a mixture, and how far it is from the truth."""

from typing import Literal, NamedTuple

from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_choice, check_same_shape, check_shape
from seldkit._typing import Float, Int
from seldkit.models.overlapping_blocks import direction_planes


class OverlappingOutput(NamedTuple):
    """What each block makes of a mixture; None where the network has no such block.

    Attributes:
        logits: Of SSC, one for each class.
        spectrogram: Magnitudes of the sound: what the gate makes of the separated ones, or the only
            one of them.
        separated: Of each SSS, magnitudes of what comes from the direction.
        direction: Of SSL, the probability of each direction: `(batch, direction)`, or of each bin,
            `(batch, direction, time, freq)`.
    """

    logits: Float[Tensor, "batch cls"] | None
    spectrogram: Float[Tensor, "batch time freq"] | None
    separated: Float[Tensor, "batch stream time freq"] | None
    direction: Float[Tensor, "batch direction *maps"] | None


def overlapping_losses(
    output: OverlappingOutput,
    *,
    direction: Float[Tensor, "batch direction *maps"] | None = None,
    spectrogram: Float[Tensor, "batch time freq"] | None = None,
    label: Int[Tensor, " batch"] | None = None,
    classification: Literal["mse", "cross_entropy"] = "mse",
) -> dict[str, Tensor]:
    """Return the loss of each block that has run and whose target is given.

    Args:
        output: What the blocks have made.
        direction: 1 for each direction that sounds, else 0; a vector stands for every bin.
        spectrogram: Magnitudes of the sound alone, such as
            [`reference_spectrogram`][seldkit.models.reference_spectrogram] of its features.
        label: Class of the sound.
        classification: Of class probabilities, the squared distance to 0 and 1, as the paper has
            it, or the cross-entropy.

    Returns:
        `"ssl"`, `"sss"` and `"ssc"`, in this order: scalars, ready for any of the balancers.

    Raises:
        ValueError: If `classification` is unknown, or a target has another shape than the output.

    Examples:
        >>> import torch
        >>> output = OverlappingOutput(torch.tensor([[20.0, -20.0]]), None, None, None)
        >>> losses = overlapping_losses(output, label=torch.tensor([1]))
        >>> {name: loss.round(decimals=3) for name, loss in losses.items()}
        {'ssc': tensor(1.)}
    """
    check_choice("classification", classification, ("mse", "cross_entropy"))
    losses = {}
    if output.direction is not None and direction is not None:
        if output.direction.ndim == 4:
            direction = direction_planes(direction, output.direction)
        check_same_shape(direction=direction, found=output.direction)
        losses["ssl"] = functional.mse_loss(output.direction, direction)
    if output.spectrogram is not None and spectrogram is not None:
        check_same_shape(spectrogram=spectrogram, separated=output.spectrogram)
        losses["sss"] = functional.mse_loss(output.spectrogram, spectrogram)
    if output.logits is not None and label is not None:
        check_shape("label", label, "batch", batch=output.logits.shape[0])
        if classification == "cross_entropy":
            losses["ssc"] = functional.cross_entropy(output.logits, label)
        else:
            classes = functional.one_hot(label, output.logits.shape[1])
            probabilities = output.logits.softmax(dim=1)
            losses["ssc"] = functional.mse_loss(probabilities, classes.to(probabilities))
    return losses
