"""The names of triplet attention's weights in the published code, and ours."""

GATES = {"cw": "channel_freq", "hc": "time_channel", "hw": "time_freq"}
PARTS = {"conv.conv": "conv", "conv.bn": "norm"}


def ours(name: str) -> str:
    """Return our name of a published weight."""
    gate, rest = name.split(".", 1)
    part, kind = rest.rsplit(".", 1)
    return f"{GATES[gate]}.{PARTS[part]}.{kind}"
