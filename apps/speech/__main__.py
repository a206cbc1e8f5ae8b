"""python -m apps.speech COMMAND: see --help. And python -m apps.speech stream FILE: see stream --help."""

import sys

from apps.speech import stream_command
from apps.speech.config import Config
from apps.speech.presets import DEFAULT, PRESETS
from harness.commands import main


def load_app():
    """Returns the App; imports TensorFlow."""
    from apps.speech.app import APP

    return APP


if __name__ == "__main__":
    if sys.argv[1:2] == ["stream"]:
        raise SystemExit(stream_command.main(sys.argv[2:]))
    raise SystemExit(main("speech", Config, PRESETS, DEFAULT, load_app))
