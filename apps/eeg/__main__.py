"""python -m apps.eeg COMMAND: see --help."""

from apps.eeg.config import Config
from apps.eeg.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.eeg.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("eeg", Config, PRESETS, DEFAULT, load_app))
