"""E-PANNs: what is left of CNN14 after half of its later filters are pruned."""

from collections.abc import Sequence

from seldkit._builders import builder
from seldkit._settings import plain_settings
from seldkit.backbones.cnn14 import CNN14, Decision, build_cnn14


@builder
@plain_settings()
def epanns(
    num_classes: int = 527,
    *,
    num_bins: int = 64,
    widths: Sequence[Sequence[int]] = (
        (64, 64),
        (128, 128),
        (256, 256),
        (256, 256),
        (512, 512),
        (1024, 1024),
    ),
    pool_time: Sequence[int] = (2, 2, 2, 2, 2, 1),
    pool_freq: Sequence[int] = (2, 2, 2, 2, 2, 1),
    embedding_dim: int = 2048,
    decision: Decision = "clip",
    dropout: float = 0.2,
    embedding_dropout: float = 0.5,
) -> CNN14:
    """Build E-PANNs: CNN14 without half of the filters of its last three blocks.

    It has 23,205,839 parameters; the published count, 24,289,295, includes the tables of the
    front-end, which is that of [`cnn14`][seldkit.backbones.cnn14]. The published inference turns
    logits into probabilities by a softmax, others take a sigmoid: see
    [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Args:
        num_classes: Number of classes.
        num_bins: This and the rest: see [`cnn14`][seldkit.backbones.cnn14].
        widths: Channels of both convolutions of each block, which pruning leaves different.
        pool_time: See there.
        pool_freq: See there.
        embedding_dim: See there.
        decision: See there.
        dropout: See there.
        embedding_dropout: See there.

    Returns:
        A network from log-mel in decibels `(batch, channel=1, time, freq)` to a
        [`TaggingOutput`][seldkit.backbones.TaggingOutput].

    Raises:
        ValueError: If a number is out of range, or the widths and poolings differ in length.

    Source: Singh et al., "E-PANNs: Sound recognition using efficient pre-trained audio neural
    networks", Inter-Noise 2023; settings of the published code.

    Examples:
        >>> import torch
        >>> tagger = epanns(10, widths=[(4, 6), (8, 9)], pool_time=(2, 2), pool_freq=(4, 4)).eval()
        >>> tagger(torch.zeros(1, 1, 100, 64)).probabilities("softmax").sum().round(decimals=4)
        tensor(1., grad_fn=<RoundBackward1>)
    """
    return build_cnn14(
        num_classes,
        num_bins,
        widths,
        pool_time,
        pool_freq,
        embedding_dim,
        decision,
        dropout,
        embedding_dropout,
    )
