"""python -m apps.denoising COMMAND: see --help."""

from apps.denoising.config import Config
from apps.denoising.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.denoising.app import APP

    return APP


if __name__ == "__main__":
    raise SystemExit(main("denoising", Config, PRESETS, DEFAULT, load_app))
