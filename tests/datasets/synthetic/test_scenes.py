"""Captions against the pixels they describe."""

import numpy as np

from datasets.synthetic import scenes


def find(picture, colour):
    """Rows and columns of the pixels nearest to a colour, away from the grey ground."""
    names = list(scenes.COLOURS)
    palette = np.array([scenes.COLOURS[name] for name in names], float)
    distance = np.linalg.norm(picture[..., None, :].astype(float) - palette, axis=-1)
    ground = np.ptp(picture.astype(int), axis=-1) + (picture.min(-1) > 200) * 255 < 60
    return np.nonzero((distance.argmin(-1) == names.index(colour)) & ~ground)


def test_same_seed_same_scenes_and_more_scenes_begin_alike():
    first, second, other = scenes.make(5, seed=4), scenes.make(8, seed=4), scenes.make(5, seed=5)
    np.testing.assert_array_equal(first.pictures, second.pictures[:5])
    assert first.captions == second.captions[:5]
    assert first.captions != other.captions


def test_five_different_captions_of_the_grammars_words():
    made = scenes.make(60, seed=0, size=32)
    assert made.pictures.shape == (60, 32, 32, 3) and made.pictures.dtype == np.uint8
    allowed = {
        *scenes.COLOURS,
        *scenes.SHAPES,
        *scenes.SIZES,
        *"a there is one alone only left right of above below".split(),
    }
    for captions in made.captions:
        assert len(set(captions)) == 5
        assert {word for caption in captions for word in caption.split()} <= allowed


def test_captions_say_where_things_are():
    made, checked = scenes.make(200, seed=1), 0
    for picture, captions in zip(made.pictures, made.captions, strict=True):
        for caption in captions:
            words = caption.split()
            colours = [word for word in words if word in scenes.COLOURS]
            if len(colours) == 1:
                assert len(find(picture, colours[0])[0]) > 20
                continue
            if colours[0] == colours[1]:
                continue
            (row, column), (other_row, other_column) = (np.mean(find(picture, colour), axis=1) for colour in colours)
            relation = next(word for word in words if word in ("left", "right", "above", "below"))
            assert {
                "left": column < other_column,
                "right": column > other_column,
                "above": row < other_row,
                "below": row > other_row,
            }[relation], caption
            checked += 1
    assert checked > 300


def test_large_is_larger_than_small():
    made = scenes.make(300, seed=2)
    areas = {"small": [], "large": []}
    for picture, captions in zip(made.pictures, made.captions, strict=True):
        words = min(captions, key=len).split()
        if len(words) == 4 and words[0] == "a" and words[3] == "square":
            areas[words[1]].append(len(find(picture, words[2])[0]))
    assert max(areas["small"]) < min(areas["large"])
