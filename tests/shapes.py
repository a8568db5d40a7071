"""The checker of the run with `--jaxtyping-packages=seldkit,shapes.check`."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Where a float is asked for, an int will do, as for mypy."""
