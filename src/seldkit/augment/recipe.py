"""The augmentation that the winners of DCASE 2020 and 2022 are known for, as one step."""

from collections.abc import MutableMapping

import torch
from torch import Tensor

from seldkit._typing import Float
from seldkit.arrays import ArrayGeometry
from seldkit.augment._extractor import Extractor
from seldkit.augment._labels import Labels
from seldkit.augment._union import Room
from seldkit.augment.masking import spec_augment
from seldkit.augment.mixing import mix_clips
from seldkit.augment.turning import Swaps, turn_clips


def four_stage(
    waveform: Float[Tensor, "batch channel sample"],
    labels: Labels,
    *,
    extractor: Extractor,
    swaps: Swaps = None,
    planar: bool = False,
    format: Room | None = None,
    counts: MutableMapping[str, int] | None = None,
    p: float = 0.5,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch out time freq"], Labels]:
    """Swap channels, mix clips, extract features and mask them.

    Each stage takes each clip with its own chance. The paper's other stage makes new multichannel
    sound of a single event; [`paste_events`][seldkit.augment.paste_events] and scenes of
    [`synth`](synth.md) do that with directions that are known.

    Source: Wang et al., "A four-stage data augmentation approach to ResNet-Conformer based acoustic
    modeling for sound event localization and detection", IEEE/ACM TASLP 2023: audio channel
    swapping, time-domain mixing, time-frequency masking.

    Args:
        waveform: FOA audio, that of an array, or stereo.
        labels: Targets of vectors, outputs, or the events of each clip.
        extractor: What makes the features.
        swaps: See [`turn_clips`][seldkit.augment.turn_clips]: the array of microphones, or
            `"stereo"`. None will do for FOA: the eight of DCASE.
        planar: See [`turn_clips`][seldkit.augment.turn_clips].
        format: See [`mix_clips`][seldkit.augment.mix_clips].
        counts: See [`mix_clips`][seldkit.augment.mix_clips].
        p: Chance of each clip in each stage.
        generator: Source of randomness, on the device of the waveform; torch's own if None.

    Returns:
        Features, to be standardised, and labels.

    Raises:
        TypeError: As the stages do.
        ValueError: As the stages do, or if the extractor may read microphones, and `swaps` do not
            say which.

    Examples:
        >>> from seldkit.features import presets
        >>> waveform, target = torch.randn(2, 4, 24000), torch.zeros(2, 10, 14, 3)
        >>> features, target = four_stage(waveform, target, extractor=presets.dcase2023_foa())
        >>> features.shape, target.shape
        (torch.Size([2, 7, 50, 64]), torch.Size([2, 10, 14, 3]))
    """
    if swaps is None:
        if not getattr(extractor, "reads_foa", True):
            raise ValueError(
                "swaps must be the ArrayGeometry of the microphones or 'stereo', or matrices for"
                " FOA, for an extractor that may read any of them, got None"
            )
        swaps = torch.stack([swap.matrix for swap in ArrayGeometry.tetrahedron().swaps()])
    waveform, labels = turn_clips(
        waveform, labels, swaps=swaps, planar=planar, p=p, generator=generator
    )
    waveform, labels = mix_clips(
        waveform, labels, format=format, counts=counts, p=p, generator=generator
    )
    features = extractor(waveform)
    return spec_augment(features, labels, extractor=extractor, p=p, generator=generator)
