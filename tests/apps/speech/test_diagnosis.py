"""What is said of trainings that go wrong, and that nothing is said of one that goes well."""

import keras
import numpy as np
import pytest

from apps.speech import app, data, models
from apps.speech.config import Blstm, Config, DataConfig, FeaturesConfig
from apps.speech.diagnosis import Observation, findings, infeasible, observed
from harness.app import Prepared, Source
from harness.settings import TrainingConfig

CHARACTERS = list(" abq")
TRAINED = np.array([1000, 2000, 1500, 4])


def observation(epoch, loss=10.0, error_rate=0.2, blank_share=0.6, said=(9, 20, 15, 6), written=(9, 20, 15, 6)):
    return Observation(epoch, loss, error_rate, blank_share, np.array(said), np.array(written))


def silent(epoch, loss):
    return observation(epoch, loss, 1.0, 1.0, written=(0, 0, 0, 0))


def found(*seen, epochs=20):
    return " / ".join(findings(seen, epochs, CHARACTERS, TRAINED).values())


def test_all_well():
    assert found(observation(1), observation(2, blank_share=0.62)) == ""
    # more blanks are no harm while the errors fall
    assert found(observation(1, error_rate=0.6, blank_share=0.4), observation(2, error_rate=0.1, blank_share=0.7)) == ""


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([silent(2, 60.0)], "as every CTC model does at the beginning"),
        ([silent(5, 60.0), silent(6, 50.0)], "still writes only blanks. Likely cause: it learns slowly"),
        ([silent(5, 60.0), silent(6, 59.9)], "it does not learn, for the loss stands still"),
        ([observation(5), silent(6, 59.9)], "has collapsed: the steps are too large"),
    ],
)
def test_only_blanks(seen, expected):
    assert expected in found(*seen)


def test_rising_blanks():
    text = found(observation(1, blank_share=0.5), observation(2, blank_share=0.8, error_rate=0.5))
    assert "50% of the frames after epoch 1, 80% now, and the label error rate rose from 20% to 50%" in text
    assert "--training.learning-rate" in text


def test_characters_that_are_never_written():
    rare = found(observation(3, written=(9, 20, 15, 0)))
    assert "never written: q (6 times said, 4 times in training). Likely cause: training shows too little" in rare
    common = found(observation(3, written=(0, 20, 15, 6)))
    assert "the space (9 times said, 1000 times in training)" in common
    assert "training shows enough of it" in common
    assert found(observation(3, error_rate=0.7, written=(0, 20, 15, 6))) == ""  # too early to tell
    assert found(observation(3, said=(9, 20, 15, 4), written=(9, 20, 15, 0))) == ""  # hardly said


def test_what_cannot_be_aligned():
    reason = "train, fewer frames than its transcript needs"
    assert infeasible({"unreadable recording": 3}, 100, 0.04) is None
    assert "50 of 150" in infeasible({reason: 50}, 100, 0.04)
    assert "one frame each 40 ms is too coarse" in infeasible({reason: 50}, 100, 0.04)
    few = infeasible({reason: 4}, 96, 0.04)
    assert "4 of 100 training utterances have" in few and "recordings too short for their transcripts" in few
    for trained in (3, 47, 999):
        one = infeasible({reason: 1}, trained, 0.04)
        assert f"1 of {trained + 1} training utterances has" in one
        assert "a recording too short for its transcript" in one and "too coarse" not in one


def test_observed_by_hand():
    best = np.array([[0, 0, 2, 1], [2, 2, 0, 0]])
    seen = observed(3, 1.5, np.eye(3, dtype=np.float32)[best], np.array([4, 2]), np.array([[0, 1], [1, -1]]))
    assert seen.blank_share == 3 / 6
    assert seen.written.tolist() == [1, 1]
    assert seen.said.tolist() == [1, 2]
    assert seen.error_rate == pytest.approx(1 / 3)


def test_it_listens_to_utterances_from_all_of_the_validation():
    samples = [np.full(6000, 100, np.int16)] * 90
    texts = ["a"] * 45 + ["b"] * 45
    split = data.Utterances(samples, texts, [""] * 90, texts)
    spec = {"characters": list("ab")}
    prepared = Prepared({"train": split, "validation": split}, spec, Source("hum", "0", synthetic=True))
    [phase] = app.phases(Config(), spec, prepared)
    [watching] = phase.callbacks()
    labels = watching.batch[1].numpy()
    assert labels.shape == (32, 1) and labels.sum() == 16


def test_a_training_that_fails_says_so(capsys):
    """Steps far too small, and a bias for the blank."""
    generator = np.random.default_rng(0)
    samples = [np.round(3000 * generator.standard_normal(6000)).astype(np.int16) for _ in range(4)]
    split = data.Utterances(samples, ["ab", "b", "aba", "ba"], [""] * 4, list("1234"))
    dropped = {"train, fewer frames than its transcript needs": 2}
    spec = {"characters": list("ab")}
    prepared = Prepared({"train": split, "validation": split}, spec, Source("noise", "0", synthetic=True), dropped)
    settings = Config(
        data=DataConfig(speeds=(1.0,)),
        features=FeaturesConfig(bins=20, frequency_masks=0, time_masks=0),
        model=Blstm(units=4, layers=1, filters=(4, 4), projection=0, dropout=0.0),
        training=TrainingConfig(epochs=3, batch_size=2),
    )
    keras.utils.set_random_seed(0)
    [phase] = app.phases(settings, spec, prepared)
    model = models.build(settings, spec)
    model.get_layer("logits").bias.assign([0.0, 0.0, 9.0])
    model.compile(keras.optimizers.SGD(1e-9))
    model.fit(phase.batches(split, True), steps_per_epoch=2, epochs=3, callbacks=phase.callbacks(), verbose=0)
    said = capsys.readouterr().err
    assert "2 of 6 training utterances have fewer frames than their transcripts need" in said
    assert "one frame each 40 ms is too coarse" in said
    assert "after epoch 1 the model writes only blanks, as every CTC model does at the beginning" in said
    assert "after epoch 3 of 3 the model still writes only blanks. Likely cause: it does not learn" in said
