"""Classical denoisers as baselines: those of scikit-image, and BM3D where it is installed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pooch
import skimage
import skimage.filters
import skimage.restoration
from tqdm import tqdm

from apps.denoising.image_quality import qualities

Filter = Callable[[np.ndarray, float], np.ndarray]
"""(noisy picture float [height, width, channels], sigma of its noise on the same scale) -> cleaned picture."""


def settings_of(name: str) -> Iterable[tuple[str, Filter]]:
    """Returns the settings tried of one filter, each with a name."""
    restoration = skimage.restoration
    if name == "median":
        yield "3 x 3", lambda x, s: skimage.filters.median(x, np.ones((3, 3, 1)), mode="reflect")
        yield "cross of 5", lambda x, s: skimage.filters.median(x, CROSS, mode="reflect")
    elif name == "gaussian":
        for width in (0.5, 0.6, 0.7, 0.8, 1.0, 1.3):
            yield f"width {width}", lambda x, s, w=width: skimage.filters.gaussian(x, w, channel_axis=-1)
    elif name == "bilateral":
        for colour in (2.0, 3.0, 4.0, 6.0):
            for width in (0.7, 1.0, 1.5, 2.0):
                yield (
                    f"colour {colour:g} sigma, width {width}",
                    lambda x, s, c=colour, w=width: bilateral(x, c * s, w),
                )
    elif name == "non_local_means":
        for strength in (0.6, 0.8, 1.0, 1.2, 1.4):
            yield (
                f"h {strength} sigma",
                lambda x, s, h=strength: restoration.denoise_nl_means(
                    x, patch_size=3, patch_distance=7, h=h * s, sigma=s, fast_mode=False, channel_axis=-1
                ),
            )
    elif name == "total_variation":
        for weight in (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.4):
            yield (
                f"weight {weight} sigma",
                lambda x, s, w=weight: restoration.denoise_tv_chambolle(x, weight=w * s, channel_axis=-1),
            )
    elif name == "wavelet":
        for method in ("BayesShrink", "VisuShrink"):
            for colours in (True, False):
                yield (
                    f"{method}, {'YCbCr' if colours else 'RGB'}",
                    lambda x, s, m=method, c=colours: _wavelet(x, s, m, c),
                )


CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])[..., None]
NAMES = ("median", "gaussian", "bilateral", "non_local_means", "total_variation", "wavelet")


def bilateral(picture: np.ndarray, colour: float, width: float, radius: int = 3) -> np.ndarray:
    """Returns the mean of each pixel's neighbours, weighed by their distance in place and in colour (Tomasi 1998).

    scikit-image 0.26 has this filter too, but reads its table of weights with a wrong row length: the window slips to a side
    and the result is 2 dB worse.

    Args:
        picture: float [height, width, channels].
        colour: standard deviation over the Euclidean distance of two colours.
        width: standard deviation over the distance in pixels.
    """
    padded = np.pad(picture, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    total, weights = np.zeros_like(picture), np.zeros_like(picture[..., :1])
    for row in range(2 * radius + 1):
        for column in range(2 * radius + 1):
            moved = padded[row : row + picture.shape[0], column : column + picture.shape[1]]
            place = ((row - radius) ** 2 + (column - radius) ** 2) / width**2
            distance = np.square(moved - picture).sum(axis=-1, keepdims=True) / colour**2
            weight = np.exp(-0.5 * (place + distance))
            total, weights = total + weight * moved, weights + weight
    return total / weights


def _wavelet(picture: np.ndarray, sigma: float, method: str, colours: bool) -> np.ndarray:
    return skimage.restoration.denoise_wavelet(
        picture,
        sigma=sigma if method == "BayesShrink" else sigma / 2,
        method=method,
        convert2ycbcr=colours and picture.shape[-1] == 3,
        rescale_sigma=True,
        channel_axis=-1,
    )


def bm3d_wanted(source: str) -> bool:
    """Tells whether BM3D is measured: where its package is installed (requirements-eval.txt), and not in the short demo."""
    return source != "demo" and importlib.util.find_spec("bm3d") is not None


def cleaned_by_filters(clean: np.ndarray, noisy: np.ndarray, sigma: float, with_bm3d: bool) -> dict[str, np.ndarray]:
    """Returns the pictures as every filter cleans them; answers are kept in the per-user cache.

    Each filter but BM3D works with the setting that gives the highest mean PSNR on these very pictures, which is
    more than a person could know: the comparison favours the filters. BM3D is told the true sigma.

    Args:
        clean: uint8 [n, height, width, channels].
        noisy: float32 [n, height, width, channels] around 0..1.
        sigma: on the scale of `noisy`.
        with_bm3d: let BM3D answer too, about a second a picture.

    Returns:
        name -> float32 [n, height, width, channels] in 0..1, `noisy` (clipped) first.
    """
    target = clean.astype(np.float32) / 255.0
    answers = {"noisy": np.clip(noisy, 0.0, 1.0)}
    digest = hashlib.sha256(noisy.tobytes() + repr((noisy.shape, sigma)).encode()).hexdigest()[:16]
    for name in NAMES:
        tried = " ".join([skimage.__version__, *(label for label, _ in settings_of(name))])
        key = f"{name}-{hashlib.sha256(tried.encode()).hexdigest()[:8]}-{digest}"
        answers[name] = _kept(key, lambda name=name: _best_setting(name, target, noisy, sigma))
    if with_bm3d:
        answers["bm3d"] = bm3d_pictures(noisy, sigma, _folder() / f"bm3d-{digest}.npz")
    return answers


def _best_setting(name: str, clean: np.ndarray, noisy: np.ndarray, sigma: float) -> np.ndarray:
    best, best_psnr = noisy, -np.inf
    for _, clean_one in settings_of(name):
        tried = np.stack([clean_one(picture, sigma).reshape(picture.shape) for picture in noisy]).astype(np.float32)
        psnr = qualities(clean, tried)["psnr_db"].mean()
        if psnr > best_psnr:
            best, best_psnr = np.clip(tried, 0.0, 1.0), psnr
    return best


def bm3d_pictures(noisy: np.ndarray, sigma: float, kept: Path) -> np.ndarray:
    """Returns the pictures as BM3D cleans them (Dabov et al. 2007; colour pictures in its opponent colour space).

    A picture takes about a second; after every tenth what is done is kept, and a later call goes on from there.
    """
    import bm3d

    cleaned, done = np.zeros_like(noisy), 0
    if kept.is_file():
        with np.load(kept, allow_pickle=False) as stored:
            cleaned, done = stored["cleaned"], int(stored["done"])
    for index in tqdm(range(done, len(noisy)), desc="BM3D", unit="picture", disable=done == len(noisy)):
        picture = noisy[index].astype(np.float64)
        answer = bm3d.bm3d_rgb(picture, sigma) if picture.shape[-1] == 3 else bm3d.bm3d(picture[..., 0], sigma)
        cleaned[index] = np.clip(answer.reshape(picture.shape), 0.0, 1.0)
        if index % 10 == 9 or index == len(noisy) - 1:
            _save(kept, cleaned=cleaned, done=index + 1)
    return cleaned


def _folder() -> Path:
    return Path(pooch.os_cache("keras-application-suite")) / "filters"


def _kept(name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    path = _folder() / f"{name}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            return stored["cleaned"]
    cleaned = compute()
    _save(path, cleaned=cleaned)
    return cleaned


def _save(path: Path, **arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}-{path.name}")
    np.savez(temporary, **arrays)
    os.replace(temporary, path)
