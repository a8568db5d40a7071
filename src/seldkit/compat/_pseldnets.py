"""Names in the networks of PSELDNets, for ours."""

import re

from seldkit.compat._conformer import conformer_rules, is_sinusoid_table
from seldkit.compat._rules import REST, WORD, Field, Rule

_COMPUTED = re.compile(r"af_extractor\..+|.+\.(relative_position_index|attn_mask)")
_GRU = "(?:weight|bias)_[ih]h_l[0-9](?:_reverse)?"
_TASKS = {"sed": "sed", "doa": "doa"}
_OUTPUTS = {"sed": "activity", "doa": "direction"}
_ENCODERS = {
    "encoder": "encoder.stages",
    "sed_encoder": "encoder.trunk.stages_a",
    "doa_encoder": "encoder.trunk.stages_b",
}
_CONVS = {
    "convs": "encoder.stages",
    "sed_convs": "trunk.stages_a",
    "doa_convs": "trunk.stages_b",
}
_SWIN = {
    "norm1": "norm1",
    "norm2": "norm2",
    "attn": "attention",
    "mlp.fc1": "expand",
    "mlp.fc2": "reduce",
}


def is_computed(name: str) -> bool:
    """Return whether a published tensor is no weight: a table that we compute, or of features."""
    return _COMPUTED.fullmatch(name) is not None or is_sinusoid_table(name)


def rules_of(*, convolutions: bool, num_stages: int, branch_blocks: int) -> list[Rule]:
    """Return what the tensors of a network are called there and here.

    The published networks have a batch norm for each feature channel; the name of a tensor of ours
    that holds all of them has the number of the channel at its end.

    Args:
        convolutions: Whether the network has convolutions in place of HTS-AT.
        num_stages: Stages of the Swin transformer.
        branch_blocks: Convolution blocks of either branch of EINV2, 0 in other networks.

    Examples:
        >>> from seldkit.compat._rules import to_ours
        >>> rules = rules_of(convolutions=False, num_stages=4, branch_blocks=0)
        >>> to_ours(rules, "encoder.layers.1.blocks.0.mlp.fc1.bias")
        'encoder.stages.2.blocks.0.expand.bias'
        >>> to_ours(rules, "scalar.6.weight")
        'encoder.norm.batch_norm.weight[6]'
    """
    norm = f"{'' if branch_blocks else 'encoder.'}norm.batch_norm.{{kind}}[{{channel}}]"
    scalars = Rule("scalar.{channel}.{kind}", norm, channel=0, kind=WORD)
    if convolutions:
        return [scalars, *_of_convolutions(branch_blocks)]
    heads = {"sed_tscam_conv": "activity.conv", "doa_tscam_conv": "direction.conv"}
    return [
        scalars,
        *_of_swin(num_stages),
        Rule("stitch1.{stage}.weight", "encoder.trunk.stitches.{stage}.weight", stage=0),
        Rule(
            "{head}.{kind}",
            "{head}.{kind}",
            head=heads | {"tscam_conv": "vectors.conv"},
            kind=WORD,
        ),
    ]


def _of_swin(num_stages: int) -> list[Rule]:
    return [
        Rule(
            "{encoder}.layers.{stage}.blocks.{block}.{part}.{rest}",
            "{encoder}.{stage}.blocks.{block}.{part}.{rest}",
            encoder=_ENCODERS,
            stage=1,
            block=0,
            part=_SWIN,
            rest=REST,
        ),
        Rule("{encoder}.patch_embed.{rest}", "{encoder}.0.{rest}", encoder=_ENCODERS, rest=REST),
        Rule(
            "{encoder}.norm.{kind}",
            f"{{encoder}}.{num_stages}.end.{{kind}}",
            encoder=_ENCODERS,
            kind=WORD,
        ),
        Rule(
            "{encoder}.layers.{stage}.downsample.{rest}",
            "{encoder}.{stage}.end.{rest}",
            encoder=_ENCODERS,
            stage=1,
            rest=REST,
        ),
    ]


def _of_convolutions(branch_blocks: int) -> list[Rule]:
    tracks: dict[str, Field] = {"task": _TASKS, "track": -1}
    published, ours = "{task}_track{track}.decoder", "{task}_tracks.encoders.{track}"
    rules = [
        Rule(
            "{stack}.conv_block{block}.{layer}{number}.{kind}",
            "{stack}.{block}.{layer}{number}.{kind}",
            stack=_CONVS,
            block=-1,
            layer={"conv": "conv", "bn": "norm"},
            number=0,
            kind=WORD,
        ),
        Rule("decoder.decoder.{gru}", "encoder.temporal.gru.0.{gru}", gru=_GRU),
        *conformer_rules("decoder.decoder", "encoder.temporal"),
        Rule(f"{published}.{{gru}}", f"{ours}.gru.0.{{gru}}", gru=_GRU, **tracks),
        *conformer_rules(published, ours, **tracks),
        Rule(
            "fc_{task}_track{track}.{kind}",
            "head.{task}.{track}.{kind}",
            task=_OUTPUTS,
            track=-1,
            kind=WORD,
        ),
        Rule(
            "{head}.{kind}",
            "{head}.{kind}",
            head={"sed_fc": "activity.conv", "doa_fc": "direction.conv", "fc": "vectors.conv"},
            kind=WORD,
        ),
    ]
    if branch_blocks:  # stitches stand between blocks, and then after tracks
        between = branch_blocks - 1
        rules.append(Rule("stitch.{track}.weight", "track_stitches.{track}.weight", track=-between))
        rules.append(Rule("stitch.{block}.weight", "trunk.stitches.{block}.weight", block=0))
    return rules
