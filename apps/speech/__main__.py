"""python -m apps.speech COMMAND: see --help."""

from apps.speech.config import Config
from apps.speech.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.speech.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("speech", Config, PRESETS, DEFAULT, load_app))
