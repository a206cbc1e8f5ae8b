"""Features of a frozen encoder, computed once a picture and kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import pooch
import tensorflow as tf

from datasets.errors import DataError

PER_BATCH = 64


def cache_folder() -> Path:
    """Returns the per-user folder of computed features; it may be deleted at any time."""
    return Path(pooch.os_cache("keras-application-suite")) / "features"


def checksum_of_weights(encoder: keras.Model) -> str:
    """Returns a hexadecimal digest over the architecture and every weight of an encoder."""
    digest = hashlib.sha256()
    for weight in encoder.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(weight))
        digest.update(f"{value.shape} {value.dtype}".encode())
        digest.update(value.tobytes())
    digest.update(str(encoder.output_shape).encode())
    return digest.hexdigest()


def resize(pictures: tf.Tensor, size: int) -> tf.Tensor:
    """Returns pictures [..., height, width, 3] in 0..255 squeezed to [..., size, size, 3] float32, antialiased."""
    return tf.image.resize(tf.cast(pictures, tf.float32), (size, size), antialias=True)


def cached_features(
    encoder: keras.Model, names: Sequence[Path], pictures_checksum: str, read: Callable[[Path], np.ndarray]
) -> np.ndarray:
    """Returns the features of pictures and of their mirror images, computed now or before.

    Args:
        encoder: pictures [n, size, size, 3] in 0..255 -> [n, cells, channels]; its weights are part of the cache's key.
        names: one entry a picture.
        pictures_checksum: of the pictures' bytes in this order.
        read: entry -> picture uint8 [height, width, 3].

    Returns:
        float16 [pictures, 2, cells, channels] mapped from disk, read-only; [:, 1] belongs to the mirror images.
    """
    size = encoder.input_shape[1]
    text = f"{checksum_of_weights(encoder)} {pictures_checksum} {size} {len(names)} float16 mirrored"
    path = cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            _compute(encoder, names, read, temporary)
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _compute(encoder: keras.Model, names: Sequence[Path], read: Callable[[Path], np.ndarray], target: Path) -> None:
    size, (_, cells, channels) = encoder.input_shape[1], encoder.output_shape

    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)])
    def both(pictures: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return encoder(pictures, training=False), encoder(pictures[:, :, ::-1], training=False)

    shape = len(names), 2, cells, channels
    _check_room(target, 2 * math.prod(shape))
    features = np.lib.format.open_memmap(target, "w+", np.float16, shape)
    started = time.monotonic()
    for first in range(0, len(names), PER_BATCH):
        batch = names[first : first + PER_BATCH]
        pictures = tf.stack([resize(read(name), size) for name in batch])
        for side, values in enumerate(both(pictures)):
            features[first : first + len(batch), side] = values.numpy().astype(np.float16)
        _progress(first + len(batch), len(names), time.monotonic() - started)
    features.flush()


def _check_room(target: Path, needed: int) -> None:
    """A mapped file that outgrows the disk ends the process without a word (SIGBUS), so the room is counted before."""
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise DataError(
            f"{target.parent}: the encoder's features need {needed / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free; make room there "
            "(the folder may be emptied) or set XDG_CACHE_HOME to a folder elsewhere"
        )


def _progress(done: int, count: int, seconds: float) -> None:
    left = seconds / done * (count - done)
    end = "\n" if done == count else ""
    print(f"\rencoder features: {done} of {count} pictures, {left:.0f} s left  ", end=end, file=sys.stderr, flush=True)
