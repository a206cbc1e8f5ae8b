"""python -m apps.captioning COMMAND: see --help."""

from apps.captioning.config import Config
from apps.captioning.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.captioning.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("captioning", Config, PRESETS, DEFAULT, load_app))
