"""Benchmarks leave nothing out."""

import sys

import pytest
import torch

from house import ROOT
from seldkit import models
from seldkit._builders import builders_of, built_by

sys.path.insert(0, str(ROOT))  # as where a benchmark is run
sys.path.insert(0, str(ROOT / "examples"))

from benchmarks.models import ASSEMBLIES

pytestmark = pytest.mark.programs


def test_every_network_is_a_row() -> None:
    with torch.device("meta"):
        calls = [built_by(assembly.build()) for assembly in ASSEMBLIES.values()]
    rows = {call.name for call in calls if call is not None}
    assert {builder.__name__ for builder in builders_of(models)} - rows == set()
