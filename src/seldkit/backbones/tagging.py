"""What audio-tagging networks return, and how they are frozen when a SELD network reuses them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeVar

from torch import Tensor, nn

from seldkit._checks import check_choice
from seldkit._settings import Shown

Activation = Literal["sigmoid", "softmax"]
Between = Callable[[str, Tensor], Tensor]
Backbone = TypeVar("Backbone", bound="TaggingBackbone")


class TaggingOutput(NamedTuple):
    """What a network that tags clips returns.

    Attributes:
        logits: `batch cls`, before the sigmoid or softmax.
        embedding: `batch channel`, what the last layer reads.
        frame_logits: `batch time cls`, one row for each frame of the features; None where the
            network classifies whole clips only.

    Examples:
        >>> import torch
        >>> output = TaggingOutput(torch.zeros(1, 4), torch.zeros(1, 2048))
        >>> output.probabilities()
        tensor([[0.5000, 0.5000, 0.5000, 0.5000]])
        >>> output.probabilities("softmax")
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    logits: Tensor
    embedding: Tensor
    frame_logits: Tensor | None = None

    def probabilities(self, activation: Activation = "sigmoid") -> Tensor:
        """Return the probability of each class in the clip, shape `(batch, cls)`.

        Args:
            activation: `"sigmoid"` judges each class alone, as AudioSet's labels are; `"softmax"`
                lets the classes share 1, as the published inference of E-PANNs does.

        Raises:
            ValueError: If `activation` is unknown.
        """
        check_choice("activation", activation, ("sigmoid", "softmax"))
        if activation == "softmax":
            return self.logits.softmax(dim=-1)
        return self.logits.sigmoid()


class TaggingBackbone(Shown, ABC):
    """An audio-tagging network that a SELD network starts from.

    It tags clips when called; [`encode`][seldkit.backbones.TaggingBackbone.encode] returns the
    map on which another network's head is built. Its parts can be frozen: their parameters get no
    gradient, and they stay in evaluation mode, so that batch norm keeps the statistics it was
    trained with and dropout is off, also after `train()` of the network around it.

    Attributes:
        out_channels: Channels of the map.
        out_bins: Frequency bins of the map.
        frames_per_step: Frames of the features that one step of the map stands for.
    """

    out_channels: int
    out_bins: int
    frames_per_step: int

    def __init__(self) -> None:
        super().__init__()
        self._frozen: tuple[str, ...] = ()

    @abstractmethod
    def parts(self) -> Mapping[str, nn.Module]:
        """Return the parts by name, in the order in which the signal passes them.

        Together they hold all parameters.
        """

    @abstractmethod
    def encode(self, features: Tensor, between: Between | None = None) -> Tensor:
        """Return the last map of the convolutions, `(batch, out_channels, step, out_bins)`.

        Args:
            features: What the network was trained on.
            between: Called with the name and the map of each block; what it returns goes on to the
                next one, so that another network can look in, or take part.
        """

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the frozen parts."""
        return self._frozen

    def freeze(self: Backbone, until: str | None = None, *, since: str | None = None) -> Backbone:
        """Freeze some parts, or all of them; parts that were frozen before are trained again.

        Args:
            until: Name of the last part to freeze, one of
                [`parts`][seldkit.backbones.TaggingBackbone.parts]; None for the last of all.
            since: Name of the first part to freeze; None for the first of all.

        Returns:
            The network itself.

        Raises:
            KeyError: If no part has such a name.
            ValueError: If `until` comes before `since`.
        """
        names = list(self.parts())
        for argument, name in {"until": until, "since": since}.items():
            if name is not None and name not in names:
                raise KeyError(f"{argument} must be one of {', '.join(names)}, got {name!r}")
        first = 0 if since is None else names.index(since)
        last = len(names) - 1 if until is None else names.index(until)
        if last < first:
            raise ValueError(f"until must not come before since={since!r}, got {until!r}")
        self.unfreeze()
        self._frozen = tuple(names[first : last + 1])
        for name in self._frozen:
            self.parts()[name].requires_grad_(False)
        return self.train(self.training)

    def unfreeze(self: Backbone) -> Backbone:
        """Let the frozen parts be trained again; returns the network itself."""
        for name in self._frozen:
            self.parts()[name].requires_grad_(True)
        self._frozen = ()
        return self.train(self.training)

    def train(self: Backbone, mode: bool = True) -> Backbone:
        """Set the mode of all parts but the frozen ones, which stay in evaluation mode."""
        super().train(mode)
        for name in self._frozen:
            self.parts()[name].eval()
        return self
