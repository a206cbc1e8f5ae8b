"""python -m apps.digits COMMAND: see --help."""

from apps.digits.config import Config
from apps.digits.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.digits.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("digits", Config, PRESETS, DEFAULT, load_app))
