"""Every network runs in ONNX Runtime as in PyTorch, for other batches and lengths, too."""

import pytest
import torch
from torch import nn
from torch.export import Dim
from torch.utils import _pytree

from networks import NETWORKS, Network
from seldkit import backbones, models
from seldkit._builders import built_by

# Every part of these is in another network, too, but for plain arithmetic.
LEFT_OUT = {
    "einv1",
    "einv2 of the paper",
    "at2seld",
    "accdoa, gru",
    "causal_crnn, lora",
    "einv2, bimamba",
    "einv2, none",
    "resnet_conformer",
    "seddoa",
    "seddoa, adapters",
    "seldnet",
    "joined_trainings",
    "roam, attentive_mfm",
    "roam, ctam",
    "seldnet, accdoa",
    "doanet, vectors",
    "resnet_conformer, squeeze_excite",
    "resnet_conformer, three branches",
    "cst_former, none",
    "seddoa, crnn",
    "seddoa, none",
    "maccdoa, crnn",
    "at2seld, none",
    "cnn14",
    "fn_ssl, directions",
    "ipdnet, offline",
    "htsat",
    "htsat_branches",
    "crnn",
    "two_stage",
    "maccdoa, htsat",
}
EXPORTED = {name: network for name, network in NETWORKS.items() if name not in LEFT_OUT}


def seen(network: Network) -> nn.Module:
    """Return a network whose batch norms have seen something."""
    module = network.build().eval()
    for name, value in module.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    return module


@pytest.mark.transforms
@pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", EXPORTED)
def test_a_network_runs_in_onnx_runtime_for_any_batch_and_length(name: str) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network = EXPORTED[name]
    module, shape = seen(network), (network.channels, network.frames, network.bins)
    program = torch.onnx.export(
        module,
        (torch.randn(2, *shape),),
        dynamic_shapes=({0: Dim.DYNAMIC, 2: Dim.DYNAMIC},),
        dynamo=True,
        optimize=False,
        verbose=False,
    )
    assert program is not None
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(program.model_proto.SerializeToString(), options)
    (given,) = session.get_inputs()
    for batch, more in ((2, 0), (1, 27), (3, 60)):
        maps = torch.randn(batch, network.channels, network.frames + more, network.bins)
        with torch.no_grad():
            wanted = [x for x in _pytree.tree_leaves(module(maps)) if x is not None]
        found = session.run(None, {given.name: maps.numpy()})
        assert len(found) == len(wanted)
        for x, y in zip(found, wanted, strict=True):
            torch.testing.assert_close(torch.from_numpy(x), y, rtol=1e-4, atol=1e-5)


@pytest.mark.transforms  # checked at run time, everything is wrapped
def test_every_builder_is_among_the_networks() -> None:
    tried = {built.name for n in EXPORTED.values() if (built := built_by(n.build())) is not None}
    named = {
        name
        for room in (models, backbones)
        for name in room.__all__
        if hasattr(getattr(room, name), "__wrapped__") and name.islower()
    }
    built_of_others = {"crnn", "einv1", "epanns", "htsat", "htsat_branches", "seddoa"}
    built_of_others |= {"two_stage", "joined_trainings", "with_adapters", "with_lora"}
    eigenvectors = {"lam", "uplam"}  # which ONNX does not have
    assert named - built_of_others - eigenvectors <= tried
