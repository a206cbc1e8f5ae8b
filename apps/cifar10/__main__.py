"""python -m apps.cifar10 COMMAND: see --help."""

from apps.cifar10.config import Config
from apps.cifar10.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.cifar10.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("cifar10", Config, PRESETS, DEFAULT, load_app))
