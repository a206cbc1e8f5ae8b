"""Keras layers, losses and decoders that the applications share. Importing it registers every layer, so that Keras loads the models."""

import importlib
import pkgutil

_TOOLS = ("shared_layers.cases", "shared_layers.gradient_check")

for _module in pkgutil.walk_packages(__path__, "shared_layers."):
    if _module.name not in _TOOLS:
        importlib.import_module(_module.name)
