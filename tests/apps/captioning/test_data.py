import dataclasses

import numpy as np
import pytest
from PIL import Image

from apps.captioning import data
from apps.captioning.config import Config, ConvNetAttention, DataConfig, DecodingConfig
from apps.captioning.vocabulary import PADDING, START
from datasets.errors import DataError
from harness.settings import TrainingConfig

SETTINGS = Config(
    data=DataConfig(source="demo", least_count=1, longest_caption=14, limit=70, mirror=True),
    model=ConvNetAttention(units=8, embedding_width=8, attention_units=8, widths=(4, 8)),
    training=TrainingConfig(batch_size=16, seed=3),
)


@pytest.fixture(scope="module")
def prepared():
    return data.prepare(SETTINGS)


def take(prepared, count, training=True, first_step=0, split="train"):
    dataset = data.batches(SETTINGS, prepared.spec, prepared.splits[split], training, first_step)
    return list(dataset.take(count).as_numpy_iterator())


def test_demo_is_synthetic_and_split(prepared):
    assert prepared.source.synthetic
    assert {name: len(split) for name, split in prepared.splits.items()} == {
        "train": 70,
        "validation": 200,
        "test": 300,
    }
    assert "circle" in prepared.spec["vocabulary"]


def test_targets_are_the_next_words_and_weights_leave_padding_out(prepared):
    for inputs, targets, weights in take(prepared, 4):
        assert np.all(inputs["words"][:, 0] == START)
        np.testing.assert_array_equal(inputs["words"][:, 1:], targets[:, :-1])
        np.testing.assert_array_equal(weights > 0, targets != PADDING)
        assert targets[:, -1].max() != PADDING
        # Keras divides by batch x words: what is left is (words of the batch) / (batch x mean length of a caption).
        mean = weights.sum() / weights.size
        assert mean == pytest.approx((targets != PADDING).sum() / len(targets) / prepared.spec["words_per_caption"])


def test_the_stream_depends_on_the_step_alone(prepared):
    whole, later = take(prepared, 11), take(prepared, 4, first_step=7)
    for expected, found in zip(whole[7:], later, strict=True):
        np.testing.assert_array_equal(expected[0]["pictures"], found[0]["pictures"])
        np.testing.assert_array_equal(expected[0]["words"], found[0]["words"])


def test_a_pass_shows_every_picture_at_most_once_and_passes_differ(prepared):
    lengths = np.count_nonzero(prepared.splits["train"].words, axis=2)
    plan = data.caption_plan(lengths, 16, seed=0)
    passes = [np.asarray(plan(epoch)) for epoch in range(3)]
    for batches in passes:
        assert batches.shape == (4, 16)
        pictures = batches.ravel() // 5
        assert len(set(pictures)) == 64
    assert not np.array_equal(passes[0], passes[1])
    chosen = np.concatenate([batches.ravel() % 5 for batches in passes])
    assert set(chosen) == set(range(5))


def test_mirror_images_are_mirrored_and_only_in_training(prepared):
    split = prepared.splits["train"]
    plain = {picture.tobytes() for picture in split.inputs[split.rows].astype(np.float32)}
    turned = {picture.tobytes() for picture in split.inputs[split.rows, :, ::-1].astype(np.float32)}
    pictures = np.concatenate([inputs["pictures"] for inputs, *_ in take(prepared, 4)])
    kinds = [(picture.tobytes() in plain, picture.tobytes() in turned) for picture in pictures]
    assert all(is_plain or is_turned for is_plain, is_turned in kinds)
    assert 16 < sum(is_turned for _, is_turned in kinds) < 48
    validation = prepared.splits["validation"]
    known = {picture.tobytes() for picture in validation.inputs[validation.rows].astype(np.float32)}
    inputs, *_ = take(prepared, 1, training=False, split="validation")[0]
    assert all(picture.tobytes() in known for picture in inputs["pictures"])


def test_validation_sees_every_caption_once(prepared):
    batches = take(prepared, -1, training=False, split="validation")
    assert sum(len(targets) for _, targets, _ in batches) == 200 * 5


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(0)
    rows = ["file,caption"]
    for number in range(20):
        size = (20 + number, 30)
        Image.fromarray(random.integers(0, 255, (*size, 3), np.uint8)).save(tmp_path / f"{number}.png")
        rows += [f"{number}.png,A picture of thing {number % 3}", f"{number}.png,Some thing!"][: 1 + number % 2]
    (tmp_path / "captions.csv").write_text("\n".join(rows))
    return tmp_path


def own(folder, **changes):
    return dataclasses.replace(SETTINGS, data=dataclasses.replace(SETTINGS.data, source=str(folder), **changes))


def test_own_folder_is_split_by_picture(folder):
    prepared = data.prepare(own(folder))
    assert {name: len(split) for name, split in prepared.splits.items()} == {"train": 16, "validation": 2, "test": 2}
    names = [path for split in prepared.splits.values() for path in split.pictures]
    assert len(set(names)) == 20
    for split in prepared.splits.values():
        for path, row in zip(split.pictures, split.rows, strict=True):
            np.testing.assert_array_equal(split.inputs[row], data._squeezed(path, 64))


def test_own_folders_train_validation_and_test_are_kept(folder):
    rows = ["file,caption"]
    for number in range(6):
        part = ("train", "train", "train", "validation", "validation", "test")[number]
        (folder / part).mkdir(exist_ok=True)
        (folder / f"{number}.png").rename(folder / part / f"{number}.png")
        rows.append(f"{part}/{number}.png,A thing")
    (folder / "captions.csv").write_text("\n".join(rows))
    splits = data.prepare(own(folder)).splits
    assert {name: [path.stem for path in split.pictures] for name, split in splits.items()} == {
        "train": ["0", "1", "2"],
        "validation": ["3", "4"],
        "test": ["5"],
    }


def test_own_folder_for_a_trained_model_is_all_test_and_keeps_its_words(folder, prepared):
    found = data.prepare(own(folder), prepared.spec)
    assert list(found.splits) == ["test"] and len(found.splits["test"]) == 20
    assert found.spec is prepared.spec


def test_damaged_picture_is_named(folder):
    (folder / "3.png").write_bytes(b"not a picture")
    with pytest.raises(DataError, match=r"3\.png"):
        data.prepare(own(folder))


def test_a_beam_of_nothing_is_refused_before_anything_is_read():
    settings = dataclasses.replace(SETTINGS, data=DataConfig(source="/nope"), decoding=DecodingConfig(beam_width=0))
    with pytest.raises(DataError, match=r"^--decoding\.beam-width 0: expected 1 or more"):
        data.prepare(settings)


def test_too_few_pictures_and_too_rare_words_are_said(folder):
    with pytest.raises(DataError, match=r"--data\.least-count"):
        data.prepare(own(folder, least_count=1000))
    (folder / "captions.csv").write_text("file,caption\n1.png,One\n")
    with pytest.raises(DataError, match="at least 10"):
        data.prepare(own(folder))
