"""Recognition of live sound: chunk by chunk with all state carried over, equal to what the whole recording gives."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from apps.speech.config import Config, DeepSpeech2
from apps.speech.models import deep_speech_2, front_end, seconds_per_frame
from datasets.errors import DataError

PAUSE_SECONDS = 0.8
"""So long without a character ends a piece of text."""


class Stream:
    """A unidirectional Deep Speech 2 that hears one recording as it comes.

    Convolutions run again over the few frames that their kernels reach back to; recurrent layers go on from their state; the
    frames that the row convolution still waits for are kept.

    Args:
        config, spec, model: of a run.

    Raises:
        DataError: a model that has to know the whole recording.
    """

    def __init__(self, config: Config, spec: dict[str, Any], model: keras.Model):
        check(config)
        self.characters = spec["characters"]
        self._window, self._hop = front_end.window_and_hop(config.features)
        self._stride, self._reach = deep_speech_2.stride(config.model), reach(config.model)
        self._future = config.model.future
        self._log_mel, self._standardize = model.get_layer("log_mel"), model.get_layer("standardize")
        self._cepstra = model.get_layer("cepstra") if config.features.cepstra else None
        self._running_mean = model.get_layer("running_mean")
        last = len(config.model.filters)
        self._convolutions = keras.Model(
            [self._running_mean.output, self._log_mel.output[1]],
            [model.get_layer("channels_side_by_side").output, model.get_layer(f"convolution_{last}").output[1]],
        )
        self._recurrent = _recurrent_layers(config.model, model)
        self._row_convolution = model.get_layer("row_convolution") if self._future else None
        self._normalization = model.get_layer("connected_normalization")
        self._connected, self._logits = model.get_layer("connected"), model.get_layer("logits")
        shape = [1, None, config.features.cepstra or config.features.bins]
        self._hear_frames = tf.function(self._frames_heard, reduce_retracing=True)
        self._convolve = tf.function(
            lambda x: self._convolutions([x, tf.shape(x)[1:2]], training=False)[0],
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )
        self._recur = tf.function(self._recurred, reduce_retracing=True)
        self._answer = tf.function(self._answered, reduce_retracing=True)
        self._bins, self._units = shape[2], config.model.units
        self._begin()

    def _begin(self) -> None:
        """Forgets what was heard."""
        self._samples = np.zeros(0, np.float32)
        self._total, self._seen = tf.zeros([1, self._bins]), 0
        self._features, self._first = np.zeros((0, self._bins), np.float32), 0
        self._convolved = 0
        self._states = [rnn.cell.get_initial_state(batch_size=1) for _, rnn in self._recurrent]
        self._waiting = np.zeros((0, self._units), np.float32)

    def warm_up(self, samples: int) -> None:
        """Hears eight silent chunks of so many samples and forgets them: what compiles at the first sounds is compiled then."""
        for _ in range(8):
            self.accept(np.zeros(samples, np.float32))
        self.finish()
        self._begin()

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """Returns what can be said by now.

        Args:
            samples: float32 [samples] in [-1, 1] at 16 kHz, any number.

        Returns:
            log-probabilities float32 [frames, characters + 1] of the next frames, the blank last; often none.
        """
        self._samples = np.concatenate([self._samples, np.asarray(samples, np.float32)])
        return self._go_on(last=False)

    def finish(self) -> np.ndarray:
        """Returns the log-probabilities of the frames that waited for more sound."""
        return self._go_on(last=True)

    def _go_on(self, last: bool) -> np.ndarray:
        self._take_frames()
        hidden = self._take_hidden(last)
        if len(hidden):
            hidden, self._states = self._recur(hidden[None], self._states)
            self._waiting = np.concatenate([self._waiting, hidden[0].numpy()])
        ready = len(self._waiting) - (0 if last else self._future)
        if ready <= 0:
            return np.zeros((0, len(self.characters) + 1), np.float32)
        answer = self._answer(self._waiting[None])[0, :ready].numpy()
        self._waiting = self._waiting[ready:]
        return answer

    def _take_frames(self) -> None:
        """Turns whole windows of samples into normalised feature frames."""
        count = max(0, 1 + (len(self._samples) - self._window) // self._hop)
        if not count:
            return
        used = self._samples[: (count - 1) * self._hop + self._window]
        frames, self._total = self._hear_frames(used[None], self._total, tf.constant(float(self._seen)))
        self._samples = self._samples[count * self._hop :]
        self._seen += count
        self._features = np.concatenate([self._features, frames[0].numpy()])

    def _frames_heard(self, waveforms: tf.Tensor, total: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        frames, count = self._log_mel(waveforms, tf.shape(waveforms)[1:])
        if self._cepstra is not None:
            frames = self._cepstra(frames)
        frames = self._standardize(frames, count, training=False)
        totals = total[:, None] + tf.cumsum(frames, axis=1)
        return self._running_mean.normalized(frames, totals, seen), totals[:, -1]

    def _take_hidden(self, last: bool) -> np.ndarray:
        """Convolves as many frames as have all that their kernels reach ahead to, or all that are left."""
        held = self._first + len(self._features)
        end = -(-held // self._stride) if last else (held - 1 - self._reach) // self._stride + 1
        if end <= self._convolved:
            return np.zeros((0, 0), np.float32)
        hidden = self._convolve(self._features[None])[0].numpy()
        start = self._first // self._stride
        hidden = hidden[self._convolved - start : end - start]
        self._convolved = end
        # what the kernels of the next frame reach back to, from a frame on which every stride falls
        keep = max(0, end * self._stride - self._reach) // self._stride * self._stride
        self._features, self._first = self._features[keep - self._first :], keep
        return hidden

    def _recurred(self, hidden: tf.Tensor, states: list[Any]) -> tuple[tf.Tensor, list[Any]]:
        count, after = tf.shape(hidden)[1:2], []
        for (normalization, rnn), state in zip(self._recurrent, states, strict=True):
            if normalization is not None:
                hidden = normalization(hidden, count, training=False)
            hidden, *state = rnn(hidden, initial_state=state, training=False)
            after.append(state)
        return hidden, after

    def _answered(self, hidden: tf.Tensor) -> tf.Tensor:
        count = tf.shape(hidden)[1:2]
        if self._row_convolution is not None:
            hidden = self._row_convolution(hidden, count)
        hidden = self._connected(self._normalization(hidden, count, training=False))
        return tf.nn.log_softmax(self._logits(hidden))


def _recurrent_layers(settings: DeepSpeech2, model: keras.Model) -> list[tuple[Any, Any]]:
    """Returns each recurrent layer, made to give its state as well, with the normalisation before it (None before the first)."""
    layers = []
    for number in range(1, settings.layers + 1):
        cell = model.get_layer(f"recurrent_{number}").cell
        rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True)
        layers.append((model.get_layer(f"recurrent_normalization_{number}") if number > 1 else None, rnn))
    return layers


def check(config: Config) -> None:
    """Checks that a model can hear sound as it comes.

    Raises:
        DataError: it cannot; says which setting is in the way.
    """
    model, features = config.model, config.features
    wrong = None
    if not isinstance(model, DeepSpeech2) or model.bidirectional:
        wrong = "its model is not a unidirectional Deep Speech 2"
    elif features.normalization != "running":
        wrong = "--features.normalization utterance has to know the whole recording"
    elif features.deltas or features.stack_before or features.stack_after or features.stack_stride > 1:
        wrong = "--features.deltas and --features.stack-... do not stream"
    if wrong:
        raise DataError(f"this run cannot stream: {wrong}; train the preset deep-speech-2-streaming-an4")


def reach(model: DeepSpeech2) -> int:
    """Returns how many feature frames ahead (and back) of its own the convolutions see."""
    frames, step = 0, 1
    for extent, stride in zip(model.kernel_frames, model.time_strides, strict=True):
        frames, step = frames + extent // 2 * step, step * stride
    return frames


def latency(config: Config, chunk_seconds: float) -> float:
    """Returns the longest time in seconds from a sound to the answer of its own frame, computing left out.

    That is a chunk that has to fill, a window, and what the convolutions and the row convolution look ahead to.
    """
    window, hop = front_end.window_and_hop(config.features)
    ahead = (window + hop * reach(config.model)) / front_end.SAMPLE_RATE
    return chunk_seconds + ahead + config.model.future * seconds_per_frame(config)


class Writer:
    """Turns frames of log-probabilities into text by the best path, in pieces that end where somebody pauses."""

    def __init__(self, characters: list[str], frame_seconds: float):
        self.characters, self._frame_seconds = characters, frame_seconds
        self.text = ""
        """All of it."""
        self._last, self._start, self._silent = len(characters), 0, 0

    @property
    def piece(self) -> str:
        """The text since the last pause."""
        return self.text[self._start :].strip()

    def write(self, log_probabilities: np.ndarray) -> list[str]:
        """Adds frames [frames, characters + 1]; returns the pieces that a pause has ended."""
        ended = []
        for label in log_probabilities.argmax(-1):
            if label == len(self.characters):
                self._silent += 1
            else:
                self._silent = 0
                if label != self._last:
                    self._add(self.characters[label])
            self._last = label
            if self.piece and self._silent * self._frame_seconds >= PAUSE_SECONDS:
                ended.append(self.end())
        return ended

    def _add(self, character: str) -> None:
        if character != " " or self.text[-1:] not in ("", " "):  # no two spaces in a row, as in a transcript
            self.text += character

    def end(self) -> str:
        """Ends the piece and returns it."""
        piece, self._start = self.piece, len(self.text)
        return piece
