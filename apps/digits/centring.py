"""From any picture of a digit to MNIST's form, in the graph: bright ink on black, 20 x 20, centred by mass in 28 x 28.

Every picture is decoded by itself; all else works on a group at once, each picture in the upper left corner of a square.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from harness.endpoint_inputs import after
from harness.groups import in_groups

INK = 28
"""Side of the result in pixels."""
BOX = 20
"""Longer side of the digit in pixels."""
LARGEST = 160
"""Longer side in pixels to which a larger picture is reduced."""
MOST_PIXELS = 100_000_000
TOO_LARGE = "expected a picture of at most 100 megapixels; make it smaller"
DARKEST = 32.0
"""Grey value at least of paper, by which the ink on it is divided: in the shade a pen's mark is weaker, too."""
FAINTEST = 8.0
"""Ink at least, of 255: what stands out less is no mark."""
SHEET = 96
"""Side in pixels of the copy, stretched to a square, on which ruled lines are found."""
THICKEST_LINE, SHORTEST_LINE = 7, 81
"""Of a ruled line, pixels of that copy."""
STRAYING = 5
"""Pixels of that copy, across a ruled line, in which its ink is looked for, as it may be tilted or bent."""
RULED = 64
"""Longer side in pixels of the smallest picture in which ruled lines are looked for; scans of single digits are smaller."""
CELLS = 24
"""Side of the grid on which the paper and the digit's place are found."""
STROKE = (1.6, 3.4)
"""Thinnest and thickest mean stroke in pixels of 28 that is left as it is."""


def from_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """Returns float32 [n, 28, 28] in [0, 255] for the bytes [n] of PNG, JPEG, GIF or BMP pictures of any size.

    Raises:
        InvalidArgumentError: the bytes are no such picture, or one of more than 100 megapixels.
    """
    encoded = _not_huge(encoded)
    form = (tf.TensorSpec([LARGEST, LARGEST], tf.uint8), tf.TensorSpec([2], tf.int32))
    squares, sizes = tf.map_fn(lambda one: _square(_decoded(one)), encoded, fn_output_signature=form)
    return in_groups(centre, tf.TensorSpec([None, INK, INK]), squares, sizes)


def from_picture(picture: tf.Tensor) -> tf.Tensor:
    """Returns float32 [28, 28] in [0, 255] for one grey picture, uint8 [height, width]."""
    square, size = _square(picture[:, :, None])
    return centre(square[None], size[None])[0]


def centre(squares: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """Finds the ink, crops it, fits it into 20 x 20 with its proportions kept and centres its mass in 28 x 28.

    Args:
        squares: grey, uint8 [n, side, side]; each picture in the upper left corner.
        sizes: int32 [n, 2], height and width of the pictures within.

    Returns:
        float32 [n, 28, 28] in [0, 255]; all zero for a picture without ink.
    """
    side = tf.reduce_max(sizes)
    grey = tf.cast(squares[:, :side, :side], tf.float32)
    valid = _inside(sizes[:, 0], sizes[:, 1], side)
    ink, region = _ink(grey, sizes, valid)
    inside, beside = ink * region, valid - region
    full = tf.math.divide_no_nan(_total(inside**3), _total(inside**2))
    full = tf.where(full < FAINTEST, 0.0, full)
    outside = tf.math.divide_no_nan(_total(ink * beside), _total(beside))
    least = tf.clip_by_value(2.0 * outside, 0.1 * full, 0.5 * full)
    ink = tf.clip_by_value(tf.math.divide_no_nan(inside - least, full - least), 0.0, 1.0)
    return 255.0 * _usual_strokes(_placed(ink, sizes))


def _not_huge(encoded: tf.Tensor) -> tf.Tensor:
    """Returns the bytes [n] once the headers of PNG and GIF files have told that unpacking them takes bounded memory."""
    header = tf.cast(tf.io.decode_raw(encoded, tf.uint8, fixed_length=24), tf.int64)
    pixels = tf.zeros_like(header[:, 0])
    for mark, width, height in ((b"\x89PNG", (19, 18, 17, 16), (23, 22, 21, 20)), (b"GIF8", (6, 7), (8, 9))):
        of_this_kind = tf.reduce_all(header[:, : len(mark)] == list(mark), axis=1)
        sides = [sum(header[:, place] * 256**number for number, place in enumerate(side)) for side in (width, height)]
        pixels += tf.where(of_this_kind, sides[0] * sides[1], 0)
    return after([tf.debugging.assert_less_equal(pixels, tf.constant(MOST_PIXELS, tf.int64), TOO_LARGE)], encoded)


def _decoded(encoded: tf.Tensor) -> tf.Tensor:
    """Returns one picture, uint8 [height, width, 1 to 4]: grey or in colour, maybe with an alpha channel."""
    size = tf.cond(tf.io.is_jpeg(encoded), lambda: tf.io.extract_jpeg_shape(encoded), lambda: tf.ones(3, tf.int32))
    pixels = tf.reduce_prod(tf.cast(size[:2], tf.int64))
    encoded = after([tf.debugging.assert_less_equal(pixels, tf.constant(MOST_PIXELS, tf.int64), TOO_LARGE)], encoded)
    return tf.ensure_shape(tf.io.decode_image(encoded, expand_animations=False), [None, None, None])


def _square(picture: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a picture uint8 [height, width, 1 to 4] in grey in the corner of a square, uint8 [LARGEST, LARGEST], and its size
    there."""
    longer = tf.reduce_max(tf.shape(picture)[:2])
    picture = tf.cond(longer > LARGEST, lambda: _reduced(picture), lambda: picture)
    grey = tf.cond(tf.shape(picture)[2] < 3, lambda: picture[..., 0], lambda: _luminance(picture[..., :3]))
    # by way of int64: TensorFlow 2.21 warns of an invalid graph where map_fn gathers what tf.shape says as it is
    size = tf.cast(tf.shape(grey, tf.int64), tf.int32)
    padding = tf.stack([tf.zeros_like(size), LARGEST - size], axis=1)
    return tf.ensure_shape(tf.pad(grey, padding), [LARGEST, LARGEST]), size


def _luminance(picture: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(tf.tensordot(tf.cast(picture, tf.float32), [0.299, 0.587, 0.114], 1)), tf.uint8)


def _reduced(picture: tf.Tensor) -> tf.Tensor:
    """Returns a picture whose longer side is LARGEST; of a very large one it looks at few pixels, so that memory stays bounded."""
    stride = tf.maximum(tf.reduce_max(tf.shape(picture)[:2]) // (4 * LARGEST), 1)
    picture = tf.ensure_shape(picture[::stride, ::stride], [None, None, None])
    size = tf.cast(tf.shape(picture)[:2], tf.float32)
    smaller = tf.maximum(tf.cast(tf.round(size * LARGEST / tf.reduce_max(size)), tf.int32), 1)
    return tf.cast(tf.round(tf.image.resize(picture, smaller, antialias=True)), tf.uint8)


def _ink(grey: tf.Tensor, sizes: tf.Tensor, valid: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns how far every pixel stands out from the paper, [n, side, side], and 1 where the digit is, else 0.

    Which way the ink goes is told by the squares of the differences from the paper: what little noise and shading leave counts
    little.
    """
    side = tf.shape(grey)[1]
    most = _median_of_border(grey, sizes, valid)
    difference = (grey - most) * valid
    longer = tf.cast(tf.reduce_max(sizes, axis=1), tf.float32)
    shrink = _shrinking(longer, CELLS, side)
    small, covered = _view(difference, shrink, shrink), _view(valid, shrink, shrink)
    paper = _paper(small, covered)
    contrast = (small - paper) * covered
    sign = tf.where(_total(tf.nn.relu(-contrast) ** 2) > _total(tf.nn.relu(contrast) ** 2), -1.0, 1.0)
    grow = _growing(longer, CELLS, side)
    shade = _view(paper, grow, grow)
    ink = 255.0 * tf.nn.relu(sign * (difference - shade)) / tf.maximum(most + shade, DARKEST) * valid
    ink = tf.cond(tf.reduce_max(sizes) < RULED, lambda: ink, lambda: _without_lines(ink, sizes))
    shrink = _shrinking(longer, 2 * CELLS, side)
    cells = _digit_cells(_view(ink, shrink, shrink))
    return ink, tf.cast(_view(cells, grow, grow) > 0.0, tf.float32) * valid


def _median_of_border(grey: tf.Tensor, sizes: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Returns the median [n, 1, 1] of the four sides, each of them seen at CELLS places."""
    rows, columns = (_shrinking(tf.cast(sizes[:, axis], tf.float32), CELLS, tf.shape(grey)[1]) for axis in (0, 1))
    seen = tf.math.divide_no_nan(_view(grey * valid, rows, columns), _view(valid, rows, columns))
    border = tf.concat([seen[:, 0], seen[:, -1], seen[:, :, 0], seen[:, :, -1]], axis=1)
    return tf.sort(border, axis=1)[:, 2 * CELLS, None, None]


def _inside(heights: tf.Tensor, widths: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Returns 1 inside the pictures and 0 beside them, [n, side, side]."""
    rows, columns = (tf.sequence_mask(lengths, side, tf.float32) for lengths in (heights, widths))
    return rows[:, :, None] * columns[:, None]


def _paper(thumbnails: tf.Tensor, covered: tf.Tensor) -> tf.Tensor:
    """Returns the paper's shade: the quadratic surface that fits most of each thumbnail [n, CELLS, CELLS].

    Least squares, repeated with the weights of Geman and McClure, so that ink counts less and less. It starts from 0, the
    median of the border, and stays there unless the surface then fits a tenth of the picture more.
    """
    y, x = (axis.ravel() for axis in np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1).astype(np.float32)
    products = (terms[:, :, None] * terms[:, None]).reshape(-1, 36)
    values, weights = (tf.reshape(image, [-1, CELLS**2]) for image in (thumbnails, covered))
    largest = tf.maximum(tf.reduce_max(tf.abs(values), axis=1, keepdims=True), 1.0)
    surface = tf.zeros_like(values)
    for share in (0.5, 0.3, 0.2, 0.15):
        weighted = weights / (1.0 + ((values - surface) / (share * largest)) ** 2) ** 2
        matrix = tf.reshape(weighted @ products, [-1, 6, 6]) + tf.eye(6)
        surface = tf.linalg.solve(matrix, ((weighted * values) @ terms)[..., None])[..., 0] @ terms.T
    fits, flat = (
        tf.reduce_sum(weights * tf.cast(tf.abs(values - paper) < 0.1 * largest, tf.float32), axis=1, keepdims=True)
        for paper in (surface, 0.0)
    )
    even = fits < flat + 0.1 * tf.reduce_sum(weights, axis=1, keepdims=True)
    return tf.reshape(tf.where(even, 0.0, surface), tf.shape(thumbnails))


def _without_lines(ink: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """Returns the ink [n, side, side] of pictures of at least RULED pixels without ruled lines.

    A line is thin, runs across (nearly) the whole picture, up or sideways, and is hardly lighter than what lies on it. Most
    pictures have none, which a look across their middle tells.
    """
    side = tf.shape(ink)[1]
    lengths = [tf.cast(sizes[:, axis], tf.float32) for axis in (0, 1)]
    flat = _view(ink, *(_shrinking(length, SHEET, side) for length in lengths))
    strong = 0.1 * tf.reduce_max(flat, axis=[1, 2], keepdims=True)
    ruled = tf.where(_crossed(flat > strong) & (tf.reduce_max(sizes, axis=1) >= RULED))
    flat, strong, *lengths = (tf.gather_nd(of_each, ruled) for of_each in (flat, strong, *lengths))
    found = tf.zeros_like(flat, tf.bool)
    for along in (1, 2):
        across = 3 - along
        thin = flat - _opening(flat, THICKEST_LINE, across)
        line = _opening(_running_maximum(flat, STRAYING, across), SHORTEST_LINE, along)
        found |= (line > strong) & (flat <= 2.0 * line) & (thin >= 0.5 * flat)
    grow = (_growing(length, SHEET, side) for length in lengths)
    kept = tf.cast(_view(tf.cast(found, tf.float32), *grow) < 0.3, tf.float32)
    return tf.tensor_scatter_nd_update(ink, ruled, tf.gather_nd(ink, ruled) * kept)


def _crossed(strong: tf.Tensor) -> tf.Tensor:
    """Tells which of bool [n, SHEET, SHEET] a line may cross, [n]: it would pass every row, or every column, of the middle."""
    strong = tf.cast(strong, tf.uint8)
    middle = slice(SHEET - SHORTEST_LINE, SHORTEST_LINE)
    upwards = tf.reduce_any(tf.reduce_all(_running_maximum(strong, STRAYING, 2)[:, middle] > 0, axis=1), axis=1)
    sideways = tf.reduce_any(tf.reduce_all(_running_maximum(strong, STRAYING, 1)[:, :, middle] > 0, axis=2), axis=1)
    return upwards | sideways


def _opening(images: tf.Tensor, window: int, axis: int) -> tf.Tensor:
    """Returns the largest value for which `window` pixels in a row, all inside the image, are no less."""
    return _running_maximum(-_running_maximum(-images, window, axis), window, axis)


def _running_maximum(images: tf.Tensor, window: int, axis: int) -> tf.Tensor:
    """Returns the maximum over the `window` (odd) pixels around each along an axis, 0 beyond the image; doubled windows make it cheap."""
    padding = [[0, 0], [0, 0], [0, 0]]
    padding[axis] = [window // 2, window // 2]
    images = tf.pad(images, padding)
    width = 1
    while width < window:
        step = min(width, window - width)
        first, second = (
            (images[:, :-step], images[:, step:]) if axis == 1 else (images[:, :, :-step], images[:, :, step:])
        )
        images, width = tf.maximum(first, second), width + step
    return images


def _digit_cells(ink: tf.Tensor) -> tf.Tensor:
    """Returns 1 for the cells, [n, CELLS, CELLS], that the digit covers: those of strong ink that hang together, gaps of a cell
    bridged, with the place of the most ink."""
    cells = tf.reduce_max(tf.reshape(ink, [-1, CELLS, 2, CELLS, 2]), axis=[2, 4])
    strong = tf.cast(cells > 0.25 * tf.reduce_max(cells, axis=[1, 2], keepdims=True), tf.float32)
    mass = _sums_around(cells**2, 3) * strong
    start = tf.one_hot(tf.argmax(tf.reshape(mass, [-1, CELLS * CELLS]), axis=1), CELLS * CELLS)
    found = tf.reshape(start, [-1, CELLS, CELLS]) * strong
    for _ in range(CELLS // 2):
        found = tf.minimum(_sums_around(found, 3), strong)
    return tf.minimum(_sums_around(found, 1), 1.0)


def _sums_around(cells: tf.Tensor, reach: int) -> tf.Tensor:
    """Returns the sum over all cells, of [n, CELLS, CELLS], that are at most `reach` away in each direction.

    Two plain products: for one picture four times as fast as products of a batch of matrices with one matrix.
    """
    near = tf.linalg.band_part(tf.ones([CELLS, CELLS]), reach, reach)
    for _ in range(2):
        rows = tf.reshape(cells, [-1, CELLS]) @ near
        cells = tf.transpose(tf.reshape(rows, [-1, CELLS, CELLS]), [0, 2, 1])
    return cells


def _placed(ink: tf.Tensor, sizes: tf.Tensor) -> tf.Tensor:
    """Returns the crop of the ink in [0, 1] fitted into 20 x 20, its centre of mass in the middle of 28 x 28."""
    starts, lengths, means = [], [], []
    for axis in (2, 1):
        there = tf.cast(tf.reduce_max(ink, axis=axis) > 0.2, tf.float32)
        places = tf.range(tf.cast(tf.shape(ink)[1], tf.float32))
        first = tf.reduce_min(tf.where(there > 0.0, places, places[-1]), axis=1)
        last = tf.reduce_max(there * places, axis=1)
        mass = tf.reduce_sum(ink, axis=axis) * tf.cast(
            (places >= first[:, None]) & (places <= last[:, None]), tf.float32
        )
        starts.append(first)
        lengths.append(tf.maximum(last - first + 1.0, 1.0))
        means.append(tf.math.divide_no_nan(tf.reduce_sum(mass * places, axis=1), tf.reduce_sum(mass, axis=1)))
    step = tf.maximum(*lengths) / BOX
    longer = tf.cast(tf.reduce_max(sizes, axis=1), tf.float32)
    matrices = []
    for first, length, mean in zip(starts, lengths, means, strict=True):
        inside = (mean - first + 0.5) / step - 0.5
        corner = tf.clip_by_value(tf.round(INK / 2 - inside), 0.0, tf.floor(INK - length / step + 1e-3))
        matrices.append(_resampling(first - corner * step, INK * step, INK, tf.shape(ink)[1], longer))
    return tf.clip_by_value(_view(ink, *matrices), 0.0, 1.0)


def _usual_strokes(images: tf.Tensor) -> tf.Tensor:
    """Returns images [n, 28, 28] in [0, 1] whose strokes are of full ink and neither thinner nor thicker than STROKE.

    The mean thickness of a stroke is twice its area over its outline, which is the total variation.
    """
    peak = tf.math.divide_no_nan(_total(images**3), _total(images**2))
    images = tf.minimum(tf.math.divide_no_nan(images, tf.minimum(peak * 1.15, 1.0)), 1.0)
    wider, narrower = _extreme(images), -_extreme(-images)
    now, thick, thin = (_thickness(of) for of in (images, wider, narrower))
    more = tf.clip_by_value(tf.math.divide_no_nan(STROKE[0] - now, thick - now), 0.0, 1.0)
    less = tf.clip_by_value(tf.math.divide_no_nan(now - STROKE[1], now - thin), 0.0, 1.0)
    return images + more * (wider - images) - less * (images - narrower)


def _thickness(images: tf.Tensor) -> tf.Tensor:
    downwards = images[:, 1:, :-1] - images[:, :-1, :-1]
    sideways = images[:, :-1, 1:] - images[:, :-1, :-1]
    outline = _total(tf.sqrt(downwards**2 + sideways**2))
    return tf.math.divide_no_nan(2.0 * _total(images), outline)


def _extreme(images: tf.Tensor) -> tf.Tensor:
    """Returns the maximum over the 3 x 3 pixels around each; 0 beyond the image."""
    return _running_maximum(_running_maximum(images, 3, 1), 3, 2)


def _total(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(images, axis=[1, 2], keepdims=True)


def _resampling(
    starts: tf.Tensor, lengths: tf.Tensor, outputs: tf.Tensor | int, inputs: tf.Tensor | int, ends: tf.Tensor
) -> tf.Tensor:
    """Returns matrices [n, outputs, inputs] that resample `lengths` pixels from `starts` on, by triangles at least a pixel wide.

    Of the inputs only those before `ends` count, so that what a picture gives does not hang on the larger ones beside it.
    """
    step = (lengths / tf.cast(outputs, tf.float32))[:, None]
    middles = starts[:, None] + (tf.range(tf.cast(outputs, tf.float32)) + 0.5) * step - 0.5
    width = tf.maximum(step, 1.0)
    places = tf.range(tf.cast(inputs, tf.float32))
    weights = tf.nn.relu(1.0 - tf.abs(places - middles[:, :, None]) / width[:, :, None])
    weights *= tf.cast(places < ends[:, None], tf.float32)[:, None]
    return weights / tf.maximum(tf.reduce_sum(weights, axis=2, keepdims=True), 0.5 * width[:, :, None])


def _shrinking(lengths: tf.Tensor, outputs: int, side: tf.Tensor) -> tf.Tensor:
    """Returns matrices [n, outputs, side] from the first `lengths` pixels to `outputs`, each length's reckoned once."""
    lengths, places = tf.unique(lengths)
    return tf.gather(_resampling(tf.zeros_like(lengths), lengths, outputs, side, lengths), places)


def _growing(lengths: tf.Tensor, inputs: int, side: tf.Tensor) -> tf.Tensor:
    """Returns matrices [n, side, inputs] that undo `_shrinking`."""
    lengths, places = tf.unique(lengths)
    reach = inputs * tf.cast(side, tf.float32) / lengths
    ends = tf.fill(tf.shape(lengths), float(inputs))
    return tf.gather(_resampling(tf.zeros_like(lengths), reach, side, inputs, ends), places)


def _view(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    return rows @ images @ tf.transpose(columns, [0, 2, 1])
