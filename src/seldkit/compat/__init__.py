"""Published checkpoints and layouts: their weights and tensors under our names and axes.

Every `convert` takes the weights alone or a checkpoint: they may lie in entries `model`,
`state_dict`, `model_state_dict` or `seld_model`, also in one another. Names may begin with
`module.`, `net.`, `model.` and `_orig_mod.`, as training in parallel, Lightning and the compiler
leave them; two names that are one without these beginnings are an error. What is missing is listed
by its published name, and ours.
"""

from seldkit.compat import dcase, ein_seld, panns, pseldnets, yamnet

__all__ = ["dcase", "ein_seld", "panns", "pseldnets", "yamnet"]
