"""Names in the networks of PSELDNets, for ours."""

import re

from seldkit.compat._conformer import is_sinusoid_table, rename_conformer

_PREFIX = re.compile(r"(net\.)?(_orig_mod\.)?")
_COMPUTED = re.compile(r"af_extractor\..+|.+\.(relative_position_index|attn_mask)")

_SCALAR = re.compile(r"scalar\.(\d+)\.(\w+)")
_ENCODER = re.compile(r"((?:sed_|doa_)?encoder)\.(.+)")
_BLOCK = re.compile(r"layers\.(\d+)\.(blocks\.\d+)\.(norm1|norm2|attn|mlp\.fc1|mlp\.fc2)\.(.+)")
_MERGING = re.compile(r"layers\.(\d+)\.downsample\.(.+)")
_CONV = re.compile(r"((?:sed_|doa_)?convs)\.conv_block(\d+)\.(conv|bn)([12])\.(\w+)")
_STITCH = re.compile(r"(stitch1?)\.(\d+)\.weight")
_SEQUENCE = re.compile(r"(?:decoder|(sed|doa)_track(\d+))\.decoder\.(.+)")
_GRU = re.compile(r"(?:weight|bias)_[ih]h_l\d+(?:_reverse)?")
_HEAD = re.compile(r"(sed_|doa_|)(?:tscam_conv|fc)\.(\w+)")
_TRACK_HEAD = re.compile(r"fc_(sed|doa)_track(\d+)\.(\w+)")

_STAGES = {
    "encoder": "encoder.stages",
    "sed_encoder": "encoder.trunk.stages_a",
    "doa_encoder": "encoder.trunk.stages_b",
    "convs": "encoder.stages",
    "sed_convs": "trunk.stages_a",
    "doa_convs": "trunk.stages_b",
}
_PARTS = {"attn": "attention", "mlp.fc1": "expand", "mlp.fc2": "reduce"}
_HEADS = {"sed_": "activity.conv", "doa_": "direction.conv", "": "vectors.conv"}
_TRACK_HEADS = {"sed": "head.activity", "doa": "head.direction"}


def without_prefix(name: str) -> str:
    """Return a name as it was before Lightning and the compiler.

    Examples:
        >>> without_prefix("net._orig_mod.scalar.0.weight")
        'scalar.0.weight'
    """
    return _PREFIX.sub("", name, count=1)


def is_computed(name: str) -> bool:
    """Return whether a published tensor is no weight: a table that we compute, or of features."""
    return _COMPUTED.fullmatch(name) is not None or is_sinusoid_table(name)


def rename(name: str, *, num_stages: int, branch_blocks: int) -> str | None:
    """Return the name of a published tensor in the network that it belongs to, None if unknown.

    The published networks have a batch norm for each feature channel; the name of a tensor of ours
    that holds all of them has the number of the channel at its end.

    Args:
        name: A name without prefix.
        num_stages: Stages of the Swin transformer.
        branch_blocks: Convolution blocks of either branch of EINV2, 0 in other networks.

    Examples:
        >>> rename("encoder.layers.1.blocks.0.mlp.fc1.bias", num_stages=4, branch_blocks=0)
        'encoder.stages.2.blocks.0.expand.bias'
        >>> rename("scalar.6.weight", num_stages=4, branch_blocks=0)
        'encoder.norm.batch_norm.weight[6]'
    """
    if match := _SCALAR.fullmatch(name):
        return f"{'' if branch_blocks else 'encoder.'}norm.batch_norm.{match[2]}[{match[1]}]"
    if match := _ENCODER.fullmatch(name):
        part = _rename_swin(match[2], num_stages)
        return part and f"{_STAGES[match[1]]}.{part}"
    if match := _CONV.fullmatch(name):
        stack, block, kind, number, tensor = match.groups()
        kind = "norm" if kind == "bn" else kind
        return f"{_STAGES[stack]}.{int(block) - 1}.{kind}{number}.{tensor}"
    if match := _STITCH.fullmatch(name):
        return _rename_stitch(match[1], int(match[2]), branch_blocks)
    if match := _SEQUENCE.fullmatch(name):
        task, track, rest = match.groups()
        where = f"{task}_tracks.encoders.{int(track) - 1}" if task else "encoder.temporal"
        layer = f"gru.0.{rest}" if _GRU.fullmatch(rest) else rename_conformer(rest)
        return layer and f"{where}.{layer}"
    if match := _HEAD.fullmatch(name):
        return f"{_HEADS[match[1]]}.{match[2]}"
    if match := _TRACK_HEAD.fullmatch(name):
        return f"{_TRACK_HEADS[match[1]]}.{int(match[2]) - 1}.{match[3]}"
    return None


def _rename_swin(name: str, num_stages: int) -> str | None:
    if match := _BLOCK.fullmatch(name):
        stage, block, part, tensor = match.groups()
        return f"{int(stage) + 1}.{block}.{_PARTS.get(part, part)}.{tensor}"
    if match := _MERGING.fullmatch(name):
        return f"{int(match[1]) + 1}.end.{match[2]}"
    for published, stage in (("patch_embed.", "0."), ("norm.", f"{num_stages}.end.")):
        if name.startswith(published):
            return stage + name.removeprefix(published)
    return None


def _rename_stitch(kind: str, number: int, branch_blocks: int) -> str:
    """Return the name of a stitch: between Swin stages, after convolution blocks, or of tracks."""
    if kind == "stitch1":
        return f"encoder.trunk.stitches.{number}.weight"
    if number < branch_blocks - 1:
        return f"trunk.stitches.{number}.weight"
    return f"track_stitches.{number - branch_blocks + 1}.weight"
