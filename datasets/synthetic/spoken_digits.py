"""Synthetic speech: strings of English digits spoken by eSpeak NG in many voices. Needs no download."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from dataclasses import dataclass

import numpy as np
import soxr

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PRONUNCIATIONS = {
    "ZERO": ["Z IH R OW"], "ONE": ["W AH N"], "TWO": ["T UW"], "THREE": ["TH R IY"], "FOUR": ["F AO R"], "FIVE": ["F AY V"],
    "SIX": ["S IH K S"], "SEVEN": ["S EH V AH N"], "EIGHT": ["EY T"], "NINE": ["N AY N"],
}  # fmt: skip
"""Word in capitals -> its pronunciations in ARPAbet, after the CMU Pronouncing Dictionary."""
SAMPLE_RATE = 16000
VOICES = ("en", "en-US", "en-GB-scotland", "en-GB-x-rp", "en-GB-x-gbclan", "en-GB-x-gbcwmd", "en-029")
"""Accents of English that eSpeak NG carries."""
VARIANTS = ("m1", "m3", "m7", "f1", "f2", "f4")
"""Throats: eSpeak NG's variants of a voice."""
_SYNCHRONOUS, _RATE, _PITCH, _RANGE = 2, 1, 3, 4
_CHARACTER_POSITION, _UTF8 = 1, 1


@dataclass(frozen=True)
class SpokenDigits:
    """One synthetic utterance."""

    text: str
    speaker: str
    """Voice and variant, e.g. "en-us+f2"."""
    samples: np.ndarray
    """int16 [samples] at 16 kHz."""


def speakers() -> list[str]:
    """Returns every synthetic speaker."""
    return [f"{voice}+{variant}" for voice in VOICES for variant in VARIANTS]


def spoken_digits(
    count: int, seed: int, longest: int = 4, speakers: list[str] | None = None, signal_to_noise_db: float = 25.0
) -> list[SpokenDigits]:
    """Returns so many utterances of one to `longest` digits; the same arguments give the same samples.

    Speed (100 to 150 words a minute), pitch and its range are drawn for each utterance; the noise is white.

    Args:
        speakers: of `speakers()`; None: all.

    Raises:
        OSError: eSpeak NG's library cannot be loaded.
    """
    generator = np.random.default_rng(seed)
    names = speakers or globals()["speakers"]()
    synthesiser, utterances = Synthesiser(), []
    for _ in range(count):
        speaker = names[generator.integers(len(names))]
        digits = generator.integers(10, size=generator.integers(1, longest + 1))
        text = " ".join(WORDS[digit] for digit in digits)
        speed, pitch, pitch_range = (int(generator.integers(*span)) for span in ((100, 150), (30, 70), (30, 70)))
        speech = synthesiser.speak(text, speaker, speed, pitch, pitch_range)
        speech *= generator.uniform(0.3, 0.9) / max(1e-6, float(np.abs(speech).max()))
        scale = float(np.sqrt(np.mean(speech**2))) * 10 ** (-signal_to_noise_db / 20)
        noisy = speech + scale * generator.standard_normal(len(speech)).astype(np.float32)
        utterances.append(SpokenDigits(text, speaker, np.round(32767 * np.clip(noisy, -1, 1)).astype(np.int16)))
    return utterances


class Synthesiser:
    """One eSpeak NG engine in its initial state: the same calls in the same order give the same samples.

    The engine keeps its glottal phase from one call to the next, and starting it again does not reset that, so every
    synthesiser loads its own copy of the library.

    Raises:
        OSError: the library cannot be loaded.
    """

    def __init__(self) -> None:
        import espeakng_loader

        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            self._library = ctypes.CDLL(shutil.copy(espeakng_loader.get_library_path(), folder))
        data = str(espeakng_loader.get_data_path()).encode()
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self.sample_rate <= 0:
            raise OSError(f"eSpeak NG did not start (answer {self.sample_rate}); reinstall espeakng-loader")
        self._chunks: list[np.ndarray] = []

        @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        def receive(samples, count, events):
            if samples and count > 0:
                self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            return 0

        self._receive = receive  # kept alive for as long as the library may call it
        self._library.espeak_SetSynthCallback(receive)
        # breath and flutter are random, and seeded by the clock otherwise
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))

    def speak(self, text: str, speaker: str, speed: int = 160, pitch: int = 50, pitch_range: int = 50) -> np.ndarray:
        """Returns the spoken text, float32 [samples] in [-1, 1] at 16 kHz.

        Args:
            speaker: voice, or voice+variant.
            speed: words a minute.
            pitch, pitch_range: 0 to 100.

        Raises:
            ValueError: a voice eSpeak NG does not carry.
        """
        library = self._library
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        if library.espeak_SetVoiceByName(f"gmw/{speaker}".encode()) != 0:
            raise ValueError(f"eSpeak NG has no voice {speaker}")
        self._chunks.clear()
        encoded = text.encode() + b"\0"
        library.espeak_Synth(encoded, len(encoded), 0, _CHARACTER_POSITION, 0, _UTF8, None, None)
        samples = np.concatenate([np.zeros(0, np.int16), *self._chunks]).astype(np.float32) / 32768.0
        return soxr.resample(samples, self.sample_rate, SAMPLE_RATE)
