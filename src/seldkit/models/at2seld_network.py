"""The plan of AT2SELD: what its parts do with each other."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast, overload

from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_shape
from seldkit._typing import Float
from seldkit.backbones import TaggingBackbone
from seldkit.backbones.tagging import Between
from seldkit.models.at2seld_spatial import SpatialEncoder
from seldkit.outputs import SELDOutput


class PresenceOutput(NamedTuple):
    """What a network returns that also says which classes sound at all.

    Attributes:
        seld: Activity and directions, for
            [`trackwise_pit_loss`][seldkit.losses.trackwise_pit_loss].
        presence: Logits `batch time cls`, for [`presence_loss`][seldkit.losses.presence_loss].
    """

    seld: SELDOutput
    presence: Tensor


class AT2SELD(nn.Module):
    """A SELD network that listens twice: with a pretrained audio tagger, and to directions.

    The tagger reads the level of W, the spatial encoder reads all features. Tracks are made of what
    the spatial encoder finds; a cross-stitch mixes them with what the tagger finds, which is the
    same for every track; then they are smoothed over time, and a head ends them in the track-wise
    format. The tagger's side ends in an auxiliary task, the presence of each class. The parts are
    given, so any of them can be replaced by one argument.

    Called with `presence=True`, as in training, the network returns a
    [`PresenceOutput`][seldkit.models.PresenceOutput]; otherwise the
    [`SELDOutput`][seldkit.outputs.SELDOutput] that formats, pipelines and metrics take. What an
    output does not depend on is not computed.

    Shape:
        - Input: features `(batch, channel, time, freq)`, of which the first channel is the level of
          W in decibels.
        - Output: activity `(batch, frame, track, cls)`, direction `(batch, frame, track, cls,
          axis)` or `(batch, frame, track, axis)`, presence `(batch, frame, cls)`.

    Args:
        front_end: Makes what the backbone reads of the first channel, `(batch, 1, time, freq)`.
        backbone: The audio tagger; None for none, without stitches then.
        semantic_projection: From the tagger's map, and the number of frames, to a sequence `(batch,
            frame, channel)`.
        spatial_encoder: From features to a sequence of the same shape.
        track_encoder: From that to tracks `(batch, frame, track, channel)`.
        early_stitches: From the name of a block of the backbone to what mixes its map and that of
            the spatial encoder after it: the first after the encoder's first stage, the second
            after its second.
        late_stitch: Mixes sequences of both sides `(batch, time, channel)`; None for none.
        smoothing: Acts on the tracks.
        head: Makes activity and directions of the tracks, which it takes twice.
        presence_head: Makes logits of `(batch, frame, channel)`, the mean over the tracks of the
            tagger's side; without a tagger that of the tracks.

    Raises:
        ValueError: If a part is missing that others need, or a stitch has no place.
    """

    def __init__(
        self,
        *,
        front_end: nn.Module | None,
        backbone: TaggingBackbone | None,
        semantic_projection: nn.Module | None,
        spatial_encoder: nn.Module,
        track_encoder: nn.Module,
        early_stitches: Mapping[str, nn.Module] | None = None,
        late_stitch: nn.Module | None = None,
        smoothing: nn.Module,
        head: nn.Module,
        presence_head: nn.Module,
    ) -> None:
        super().__init__()
        early_stitches = {} if early_stitches is None else early_stitches
        semantic = (front_end, backbone, semantic_projection)
        if None in semantic and semantic != (None, None, None):
            raise ValueError("front_end, backbone and semantic_projection must be given, or none")
        if backbone is None and (early_stitches or late_stitch is not None):
            raise ValueError("early_stitches and late_stitch must be left out without a backbone")
        if early_stitches:
            _check_places(early_stitches, backbone, spatial_encoder)
        self.front_end = front_end
        self.backbone = backbone
        self.semantic_projection = semantic_projection
        self.spatial_encoder = spatial_encoder
        self.track_encoder = track_encoder
        self.early_stitches = nn.ModuleDict(early_stitches)
        self.late_stitch = late_stitch
        self.smoothing = smoothing
        self.head = head
        self.presence_head = presence_head

    @overload
    def forward(self, features: Tensor, *, presence: Literal[False] = False) -> SELDOutput: ...

    @overload
    def forward(self, features: Tensor, *, presence: Literal[True]) -> PresenceOutput: ...

    def forward(
        self, features: Float[Tensor, "batch channel time freq"], *, presence: bool = False
    ) -> SELDOutput | PresenceOutput:
        """Return activity logits and directions; with them, if asked, the logits of presence."""
        check_shape("features", features, "batch channel time freq")
        semantic = None
        if self.early_stitches:
            semantic, spatial = self._stitched_sequences(features)
        else:
            spatial = self.spatial_encoder(features)
            if presence or self.late_stitch is not None:
                semantic = self._semantic_sequence(features)
        tracks = self.track_encoder(spatial)
        semantic = tracks if semantic is None else semantic.unsqueeze(2).expand_as(tracks)
        if self.late_stitch is not None:
            mixed = self.late_stitch(semantic.flatten(1, 2), tracks.flatten(1, 2))
            semantic, tracks = (x.unflatten(1, (-1, tracks.shape[2])) for x in mixed)
        tracks = self.smoothing(tracks)
        output: SELDOutput = self.head(tracks, tracks)
        if not presence:
            return output
        return PresenceOutput(output, self.presence_head(semantic.mean(dim=2)))

    def _semantic_sequence(
        self, features: Float[Tensor, "batch channel time freq"], between: Between | None = None
    ) -> Float[Tensor, "batch frame out"] | None:
        if self.backbone is None or self.front_end is None or self.semantic_projection is None:
            return None
        level, frames = features[:, :1], features.shape[2]
        lacking = self.backbone.frames_per_step - frames
        if lacking > 0:  # shorter than one step of the map: the last frame goes on
            level = functional.pad(level, (0, 0, 0, lacking), mode="replicate")
        maps = self.backbone.encode(self.front_end(level), between)
        sequence: Tensor = self.semantic_projection(maps, frames)
        return sequence

    def _stitched_sequences(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> tuple[Tensor | None, Tensor]:
        """Return the sequences of both sides, which meet on the way.

        The backbone leads: after each of its stitched blocks the spatial encoder goes one stage on.
        """
        encoder = cast(SpatialEncoder, self.spatial_encoder)
        maps, stages = encoder.first_map(features), list(encoder.stages)

        def meet(block: str, semantic: Tensor) -> Tensor:
            nonlocal maps
            if block in self.early_stitches:
                semantic, maps = self.early_stitches[block](semantic, stages.pop(0)(maps))
            return semantic

        semantic = self._semantic_sequence(features, meet)
        for stage in stages:
            maps = stage(maps)
        return semantic, encoder.sequence(maps, features.shape[2])


def _check_places(
    stitches: Mapping[str, nn.Module], backbone: TaggingBackbone | None, encoder: nn.Module
) -> None:
    """Raise `ValueError` unless every early stitch stands between a block and a stage."""
    if not isinstance(encoder, SpatialEncoder):
        raise ValueError(f"early_stitches need a SpatialEncoder, got {type(encoder).__name__}")
    if len(stitches) > len(encoder.stages):
        raise ValueError(
            f"early_stitches must be at most {len(encoder.stages)}, one for each stage of the"
            f" spatial encoder, got {len(stitches)}"
        )
    parts = [] if backbone is None else list(backbone.parts())
    known = [name for name in parts if name.startswith("block")]  # where the map can be seen
    if list(stitches) != [name for name in known if name in stitches]:
        raise ValueError(
            f"early_stitches must be after some of {known}, in this order, got {list(stitches)}"
        )
