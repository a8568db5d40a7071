"""A large trained network, adapted with few weights: adapters and LoRA."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from seldkit._builders import Recipe, builder, recipe_of
from seldkit._checks import check_choice
from seldkit._settings import plain_settings
from seldkit.layers.low_rank import LowRankChange, add_low_rank, takes_low_rank
from seldkit.layers.turning import Settled, turn, turn_back
from seldkit.models.adapter_places import PLACES, fused, places

BatchNorms = Literal["frozen", "statistics"]


class Adaptation(NamedTuple):
    """What a network remembers of how it was adapted.

    Attributes:
        kind: `"adapters"` or `"lora"`.
        settings: Arguments of the function that did it.
        learned: Names of the parameters that were learned before.
        frozen: Names of those that stay as they are; what is not among them is learned now.
        recipe: How the network was built.
    """

    kind: str
    settings: dict[str, Any]
    learned: frozenset[str]
    frozen: frozenset[str]
    recipe: Recipe | None


@builder
@plain_settings()
def with_adapters(
    network: nn.Module,
    *,
    ratio: float = 0.5,
    scale: float | None = 0.1,
    where: Sequence[str] = PLACES,
    also: Sequence[str] = (),
    batch_norms: BatchNorms = "frozen",
) -> nn.Module:
    """Give a network [`Adapter`][seldkit.layers.Adapter]s, and freeze all else.

    The network itself is changed and returned. Its weights keep their names, and until it is
    trained its outputs are what they were. Adapters stand

    - behind the output layer of each attention: they read and correct what it makes;
    - beside each feed-forward step: they read its input behind the layer norm, and are added.

    As published: PSELDNets (Hu et al., IEEE TASLP 2025) has both in every block of HTS-AT. Their
    AdapterBit tuning also trains every parameter with "bias" in its name, tables of relative
    positions among them, and the last convolution: `also=["*bias*", "vectors.*"]`; 4.92 of 32.37
    million parameters for 12 classes. Our reading: stochastic depth drops an adapter together with
    the step beside it. Ours alone: the other networks, at the same places in Conformer blocks and
    transformer layers, before their dropout or behind it.

    Args:
        network: A network that has attention: any of the library or your own.
        ratio: See [`Adapter`][seldkit.layers.Adapter].
        scale: See there.
        where: `"attention"`, `"feedforward"` or both.
        also: Which parameters are trained besides, by name; `*` stands for any text.
        batch_norms: `"frozen"` keeps all batch norms in evaluation mode, so that the statistics of
            the trained network stay; with `"statistics"` they follow the new data in training, and
            are saved with the adapters.

    Returns:
        The network.

    Raises:
        ValueError: If the network has adapters or LoRA already, has no such places, nothing has a
            name that `also` gives, or a setting is out of range.

    Examples:
        >>> import torch
        >>> from seldkit.backbones import htsat
        >>> from seldkit.models import encoder_seld
        >>> with torch.device("meta"):
        ...     network = encoder_seld(htsat(), 12, format="multi_accdoa")
        ...     network = with_adapters(network, also=["*bias*", "vectors.*"])
        >>> learned = sum(p.numel() for p in network.parameters() if p.requires_grad)
        >>> print(f"{learned:,} of {sum(p.numel() for p in network.parameters()):,}")
        4,918,180 of 32,368,580
    """
    where = [*where] if not isinstance(where, str) else [where]
    for place in where:
        check_choice("where", place, PLACES)
    if not ratio > 0:
        raise ValueError(f"ratio must be positive, got {ratio}")
    found = [each for each in places(network) if each.place in where]
    if not found:
        raise ValueError(
            f"network must have attention or feed-forward steps for adapters at {list(where)}, got"
            f" {type(network).__name__} without; with_lora adapts convolutions too"
        )
    settings = {"ratio": ratio, "scale": scale, "where": list(where)}
    _freeze(network, "adapters", settings, also, batch_norms)
    for each in found:
        each.add(ratio=ratio, scale=scale)
    fused(network, False)
    return network


@builder
@plain_settings()
def with_lora(
    network: nn.Module,
    *,
    rank: int = 16,
    alpha: float = 1.0,
    where: Sequence[str] = ("*",),
    also: Sequence[str] = (),
    batch_norms: BatchNorms = "frozen",
) -> nn.Module:
    r"""Give the weights of a network low-rank changes (LoRA), and freeze all else.

    The network itself is changed and returned. A weight $W$ becomes $W + \frac{\alpha}{r} B A$ with
    thin matrices, $B$ zero at first; $W$ keeps its name. Changed are linear layers, the projections
    of attention and convolutions that have no groups; recurrent layers stay as they are. When it is
    trained, [`merge`][seldkit.models.merge] makes it a plain network again.

    As published: the defaults, and the product for a convolution with a kernel of k times k, which
    has k times the rank, are those of PSELDNets (Hu et al., IEEE TASLP 2025), there for linear
    layers and 2-D convolutions. It merges weights whenever the network goes to evaluation, and
    saves merged ones beside $A$ and $B$, which are then added twice; here nothing is merged but by
    `merge`. Our reading: the changes are made on the weights, so that a layer's input has no
    dropout of its own; kernels that are not square have the rank of their shorter side.

    Source: Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022.

    Args:
        network: Any network of the library, or your own.
        rank: $r$.
        alpha: $\alpha$.
        where: Names of the layers to change; `*` stands for any text, so `["*attention*"]` changes
            attention alone.
        also: See [`with_adapters`][seldkit.models.with_adapters].
        batch_norms: See there.

    Returns:
        The network.

    Raises:
        ValueError: If the network has adapters or LoRA already, no layer has such a name, nothing
            has a name that `also` gives, or a setting is out of range.

    Examples:
        >>> import torch
        >>> network = with_lora(nn.Linear(64, 32), rank=2)
        >>> {name: tuple(p.shape) for name, p in network.named_parameters() if p.requires_grad}
        {'lora_down': (2, 64), 'lora_up': (32, 2)}
    """
    where = [*where] if not isinstance(where, str) else [where]
    layers = {n: x for n, x in network.named_modules() if takes_low_rank(x)}
    chosen = _named("where", layers, where)
    if not chosen:
        raise ValueError("where must name a layer, got none")
    settings = {"rank": rank, "alpha": alpha, "where": list(where)}
    _freeze(network, "lora", settings, also, batch_norms)
    for name, layer in layers.items():  # in their order, so that a seed gives the same start
        if name in chosen:
            add_low_rank(layer, rank=rank, alpha=alpha)
    return network


def merge(network: nn.Module) -> nn.Module:
    """Make the changes of LoRA part of the weights they change; the network becomes a plain one.

    The network itself is changed and returned: its outputs are the same but for rounding, its
    state has the names it had before, and the parameters that were learned before are so again.

    Raises:
        ValueError: If the network has no LoRA: also if it has adapters, which are not linear, so
            that no weights of the network alone do the same.

    Examples:
        >>> import torch
        >>> network = with_lora(nn.Linear(64, 32))
        >>> with torch.no_grad():
        ...     up = network.lora_up.normal_()
        >>> x = torch.ones(1, 64)
        >>> before = network(x)
        >>> merge(network)
        Linear(in_features=64, out_features=32, bias=True)
        >>> torch.testing.assert_close(network(x), before)
    """
    adaptation = adaptation_of(network)
    if adaptation is None or adaptation.kind != "lora":
        has = "adapters, which no weights can replace" if adaptation else "none"
        raise ValueError(f"network must have LoRA to be merged, got one with {has}")
    for module in list(network.modules()):
        if isinstance(module, LowRankChange):
            module.fold()
    strip(network)
    return network


def adaptation_of(network: nn.Module) -> Adaptation | None:
    """Return how a network was adapted, or None."""
    adaptation: Adaptation | None = vars(network).get("_adaptation")
    return adaptation


def strip(network: nn.Module) -> None:
    """Remove all that a network was adapted with; its other weights stay as they are."""
    adaptation = vars(network).pop("_adaptation")
    for module in list(network.modules()):
        turn_back(module)
    fused(network, True)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in adaptation.learned)
    vars(network).pop("built_by", None)
    if adaptation.recipe is not None:
        network.built_by = adaptation.recipe
    network.train(network.training)


def _freeze(
    network: nn.Module,
    kind: str,
    settings: Mapping[str, Any],
    also: Sequence[str],
    batch_norms: str,
) -> None:
    """Freeze all parameters but some, and batch norms, and remember what was."""
    if adaptation_of(network) is not None:
        raise ValueError("network must have neither adapters nor LoRA yet, got one that has")
    also = [*also] if not isinstance(also, str) else [also]
    parameters = dict(network.named_parameters())
    more = _named("also", parameters, also) if also else set()
    learned = frozenset(name for name, p in parameters.items() if p.requires_grad)
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in more)
    if batch_norms == "frozen":
        for module in list(network.modules()):
            if isinstance(module, _BatchNorm):
                turn(module, Settled)
                module.eval()
    settings = {**settings, "also": also, "batch_norms": batch_norms}
    frozen = frozenset(parameters.keys() - more)
    adaptation = Adaptation(kind, settings, learned, frozen, recipe_of(network))
    vars(network)["_adaptation"] = adaptation


def _named(argument: str, names: Iterable[str], patterns: Sequence[str]) -> set[str]:
    """Return the names that fit; `ValueError` for a pattern that none fits."""
    chosen: set[str] = set()
    for pattern in patterns:
        fitting = {name for name in names if fnmatchcase(name, pattern)}
        if not fitting:
            raise ValueError(f"{argument} must name parts of the network, got {pattern!r}")
        chosen |= fitting
    return chosen
