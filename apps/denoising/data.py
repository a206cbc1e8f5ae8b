"""The denoiser's data: clean pictures of CIFAR-10, the UCI digits or a folder, and the noise that is added to them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.datasets
import tensorflow as tf

from apps.denoising.config import Config, DataConfig
from apps.denoising.image_quality import SMALLEST_SIDE
from datasets import cifar10, pictures
from datasets.errors import DataError
from datasets.fetch import sha256_of
from harness.app import Prepared, Source
from harness.batching import in_order_plan, index_batches, on_host, shuffled_plan
from shared_layers.images.corruption import add_gaussian_noise

FILE_TYPES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FIXED_COUNT = 200
FIXED_SIDE = 64
"""Pixels; larger pictures are compared on a square of this side from their middle."""
MOST_CROP_BYTES = 1 << 30


@dataclass(frozen=True)
class Stack:
    """Pictures of one size."""

    images: np.ndarray
    """uint8 [n, height, width, channels]."""

    def __len__(self) -> int:
        return len(self.images)

    def picture(self, index: int) -> np.ndarray:
        """Returns one picture, uint8 [height, width, channels]."""
        return self.images[index]

    def subset(self, indices: np.ndarray) -> Stack:
        """Returns the pictures at `indices`."""
        return Stack(self.images[indices])


@dataclass(frozen=True)
class Files:
    """Pictures of any size, read when they are needed so that no more than one is in memory."""

    paths: Sequence[Path]
    grey: bool

    def __len__(self) -> int:
        return len(self.paths)

    def picture(self, index: int) -> np.ndarray:
        """Returns one picture, uint8 [height, width, channels]."""
        return read(self.paths[index], self.grey)


def read(path: Path, grey: bool) -> np.ndarray:
    """Reads a picture, uint8 [height, width, 3], or [height, width, 1] in grey.

    Raises:
        DataError: no picture, or a damaged one.
    """
    picture = pictures.read_picture(path, mode="L" if grey else "RGB")
    return picture[..., None] if grey else picture


def prepare(config: Config, spec: dict[str, Any] | None = None) -> Prepared:
    """Reads the pictures and splits them; with the `spec` of a trained model, all of a folder's become test pictures.

    Raises:
        DataError: data that is absent or damaged, or too few pictures.
    """
    data = config.data
    if data.sigma <= 0:
        raise DataError(f"--data.sigma {data.sigma:g}: expected a standard deviation above 0, in units of 1/255")
    if data.source == "cifar10":
        return _cifar10(data)
    if data.source == "demo":
        return _digits(data)
    return _folder(data, spec)


def _cifar10(data: DataConfig) -> Prepared:
    stored = cifar10.load()
    source = Source("CIFAR-10", stored.sha256, notice="Krizhevsky, Learning multiple layers of features, 2009")
    return _prepared(data, stored.train_images, Stack(stored.test_images), source)


def _digits(data: DataConfig) -> Prepared:
    table = sklearn.datasets.load_digits()
    large = tf.image.resize(table.images[..., None] / 16.0, [16, 16], method="bicubic")
    images = np.round(255 * np.clip(large.numpy(), 0, 1)).astype(np.uint8)
    order = np.random.default_rng(data.seed).permutation(len(images))
    source = Source(
        "UCI handwritten digits (8x8, enlarged to 16x16)",
        hashlib.sha256(table.images.tobytes()).hexdigest(),
        notice="Alpaydin and Kaynak, UCI repository; in scikit-learn",
    )
    return _prepared(data, images[order[400:]], Stack(images[order[:400]]), source)


def _prepared(data: DataConfig, rest: np.ndarray, test: Stack | Files, source: Source) -> Prepared:
    order = np.random.default_rng([data.seed, 1]).permutation(len(rest))
    held_out = max(1, round(len(rest) * data.validation_fraction))
    train = np.sort(order[held_out:][: data.limit])
    splits = {"train": Stack(rest[train]), "validation": Stack(rest[np.sort(order[:held_out])]), "test": test}
    return Prepared(splits, _spec(data, rest.shape[-1]), source, notes=_notes(data))


def _spec(data: DataConfig, channels: int) -> dict[str, Any]:
    return {"channels": channels, "sigma": data.sigma}


def _notes(data: DataConfig) -> list[str]:
    return [
        f"Gaussian noise of standard deviation {data.sigma:g}/255 is added to every value and not clipped: drawn anew in "
        f"every training step, the same for each test picture whenever it is tested. Cleaned pictures are clipped to 0..1."
    ]


def _folder(data: DataConfig, spec: dict[str, Any] | None) -> Prepared:
    folder = Path(data.source)
    grey = data.grey if spec is None else spec["channels"] == 1
    dropped: Counter[str] = Counter()
    if spec is not None:
        test = _usable(_pictures_below(folder), grey, SMALLEST_SIDE, dropped)
        if not test:
            raise DataError(f"{folder}: none of its pictures can be used ({_told(dropped)})")
        source = Source(folder.name, sha256_of(test))
        return Prepared({"test": Files(test, grey)}, spec, source, dict(dropped), _notes(data))
    if data.crop < SMALLEST_SIDE:
        raise DataError(f"--data.crop {data.crop}: expected at least {SMALLEST_SIDE} pixels")
    smallest = {"train": data.crop, "validation": data.crop, "test": SMALLEST_SIDE}
    parts = {name: _usable(paths, grey, smallest[name], dropped) for name, paths in _split(folder, data).items()}
    for name, paths in parts.items():
        if not paths:
            raise DataError(
                f"{folder}: no picture is left for {name} ({_told(dropped)}); at least three pictures of {data.crop} pixels a "
                "side are needed, or fewer pixels with --data.crop"
            )
    train = sorted(np.random.default_rng([data.seed, 1]).permutation(np.array(parts["train"], object))[: data.limit])
    source = Source(folder.name, sha256_of([*parts["train"], *parts["validation"], *parts["test"]]))
    splits = {
        "train": Stack(crops(Files(train, grey), data.crop, data.seed)),
        "validation": Stack(crops(Files(parts["validation"], grey), data.crop, data.seed)),
        "test": Files(parts["test"], grey),
    }
    side = f"Trained and validated on squares of {data.crop} pixels cut from {len(train)} and {len(parts['validation'])} pictures."
    return Prepared(splits, _spec(data, 1 if grey else 3), source, dict(dropped), [*_notes(data), side])


def _told(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.items()) or "no picture files"


def _pictures_below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        what = "it is a file" if folder.is_file() else "there is no such folder"
        raise DataError(f'{folder}: expected "cifar10", "demo" or a folder of pictures; {what}')
    found = sorted(p for p in folder.rglob("*") if p.name.lower().endswith(FILE_TYPES) and p.is_file())
    if not found:
        raise DataError(f"{folder}: no file there ends in {', '.join(FILE_TYPES)}")
    return found


def _split(folder: Path, data: DataConfig) -> dict[str, list[Path]]:
    """Returns the pictures of train/, validation/ and test/ where the folder has them, otherwise a seeded split 8:1:1."""
    names = ("train", "validation", "test")
    given = [name for name in names if (folder / name).is_dir()]
    if given and len(given) < 3:
        raise DataError(
            f"{folder}: there is {given[0]}/, so {', '.join(n + '/' for n in names)} are expected, all three"
        )
    if given:
        return {name: _pictures_below(folder / name) for name in names}
    found = _pictures_below(folder)
    order = np.random.default_rng(data.seed).permutation(len(found))
    tenth = max(1, len(found) // 10)
    cut = {"test": order[:tenth], "validation": order[tenth : 2 * tenth], "train": order[2 * tenth :]}
    return {name: [found[i] for i in sorted(indices)] for name, indices in cut.items()}


def _usable(paths: Sequence[Path], grey: bool, side: int, dropped: Counter[str]) -> list[Path]:
    """Returns the pictures that can be read and have at least `side` pixels each way; counts the others."""
    kept = []
    for path in paths:
        try:
            shape = read(path, grey).shape
        except DataError:
            dropped["unreadable picture"] += 1
            continue
        if min(shape[:2]) < side:
            dropped[f"picture with a side under {side} pixels"] += 1
            continue
        kept.append(path)
    return kept


def crops(files: Files, side: int, seed: int, most_bytes: int = MOST_CROP_BYTES) -> np.ndarray:
    """Cuts squares at random from every picture, two for each square that would fit side by side.

    Returns:
        uint8 [n, side, side, channels], at most `most_bytes` of them: larger pictures get fewer then.
    """
    channels = 1 if files.grey else 3
    most = max(1, most_bytes // (side * side * channels * len(files)))
    cut = []
    for index in range(len(files)):
        picture = files.picture(index)
        generator = np.random.default_rng([seed, index])
        height, width = picture.shape[:2]
        for _ in range(min(2 * (height // side) * (width // side), most)):
            top, left = generator.integers(height - side + 1), generator.integers(width - side + 1)
            cut.append(picture[top : top + side, left : left + side])
    return np.stack(cut)


def batches(config: Config, spec: dict[str, Any], split: Stack, training: bool, first_step: int = 0) -> tf.data.Dataset:
    """Returns (noisy, clean), both float32 [batch, height, width, channels]; mirrored at random and endless when training."""
    images = on_host(split.images)
    sigma = config.data.sigma / 255.0

    def gather(indices: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        clean = tf.cast(tf.gather(images, indices), tf.float32) / 255.0
        noise_seed, *mirror_seeds = tf.unstack(tf.random.split(seed, 3))
        if training:
            clean = _mirror(clean, mirror_seeds)
        return add_gaussian_noise(clean, sigma, noise_seed), clean

    if training:
        plan, seed = shuffled_plan(len(split), config.training.batch_size, config.training.seed), config.training.seed
    else:
        plan, seed = in_order_plan(len(split), 250), config.data.seed
    dataset = index_batches(plan, seed, first_step, endless=training)
    return dataset.map(gather, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)


def _mirror(images: tf.Tensor, seeds: Sequence[tf.Tensor]) -> tf.Tensor:
    for axis, seed in zip((1, 2), seeds, strict=True):
        chosen = tf.random.stateless_uniform([tf.shape(images)[0], 1, 1, 1], seed) < 0.5
        images = tf.where(chosen, tf.reverse(images, [axis]), images)
    return images


def test_noise(index: int, shape: Sequence[int], seed: int) -> np.ndarray:
    """Returns the standard normal noise of one test picture, float32: the same in every evaluation, at every level."""
    return np.random.default_rng([seed, index]).standard_normal(tuple(shape), np.float32)


def noisy_picture(picture: np.ndarray, index: int, sigma: float, seed: int) -> np.ndarray:
    """Returns a test picture uint8 [...] with its noise, float32 [...] around 0..1.

    Args:
        sigma: in units of 1/255.
    """
    return picture.astype(np.float32) / 255.0 + np.float32(sigma / 255.0) * test_noise(index, picture.shape, seed)


@dataclass(frozen=True)
class Fixed:
    """The pictures on which the network stands beside the classical filters."""

    indices: np.ndarray
    """int64 [k]: places in the test split."""
    clean: np.ndarray
    """uint8 [k, side, side, channels]."""
    noise: np.ndarray
    """Standard normal, float32 [k, side, side, channels]."""

    def noisy(self, sigma: float) -> np.ndarray:
        """Returns the noisy pictures, float32 [k, side, side, channels]; `sigma` in units of 1/255."""
        return self.clean.astype(np.float32) / 255.0 + np.float32(sigma / 255.0) * self.noise


def fixed_pictures(split: Stack | Files, seed: int) -> Fixed:
    """Returns 200 seeded test pictures (all, where there are fewer) with their noise; of large ones the middle."""
    indices = np.sort(np.random.default_rng(seed).permutation(len(split))[:FIXED_COUNT])
    chosen = [split.picture(i) for i in indices]
    height = min(FIXED_SIDE, *(picture.shape[0] for picture in chosen))
    width = min(FIXED_SIDE, *(picture.shape[1] for picture in chosen))
    clean = np.stack([_middle(picture, height, width) for picture in chosen])
    noise = np.stack([test_noise(int(i), clean.shape[1:], seed) for i in indices])
    return Fixed(indices.astype(np.int64), clean, noise)


def _middle(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]
