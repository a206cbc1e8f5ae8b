"""The acoustic model as a whole."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.speech import data, models
from apps.speech.config import (
    AttentionEncoderDecoder,
    Blstm,
    Config,
    DataConfig,
    DecodingConfig,
    DeepSpeech2,
    FeaturesConfig,
    Framewise,
    ProjectedLstm,
    Tdnn,
)
from apps.speech.decoding import transcribe
from datasets.errors import DataError
from harness.settings import TrainingConfig
from shared_layers.ctc.loss import ctc_loss

SPEC = {"characters": list(" abc")}
SMALL = Config(features=FeaturesConfig(bins=20), model=Blstm(units=8, layers=2, filters=(4, 4), projection=12))


@pytest.fixture(scope="module", params=[1, 2], ids=["one_convolution", "two_convolutions"])
def model(request):
    keras.utils.set_random_seed(0)
    stages = replace(SMALL.model, convolutions=request.param)
    return models.build(replace(SMALL, model=stages), SPEC)


def waveforms(lengths, longest):
    generator = np.random.default_rng(0)
    rows = 0.1 * generator.standard_normal((len(lengths), longest)).astype(np.float32)
    for row, length in zip(rows, lengths, strict=True):
        row[length:] = 0
    return rows


def outputs(model, rows, lengths, training=False):
    result = model({"waveforms": tf.constant(rows), "lengths": tf.constant(lengths)}, training=training)
    return result["logits"].numpy(), result["frames"].numpy()


@pytest.mark.parametrize(
    "stack",
    [
        replace(SMALL.model, layers=3),
        DeepSpeech2(filters=(4, 4), units=8, layers=3, connected=8),
        ProjectedLstm(units=8, projection=4, layers=3),
    ],
    ids=["p1", "p2", "p3"],
)
def test_lower_layers_share_in_the_loss(stack):
    """The whole is 0.7 of the last layer's CTC loss and 0.3 of the mean of the lower layers' (Lee and Watanabe 2021)."""
    keras.utils.set_random_seed(0)
    model = models.build(replace(SMALL, model=replace(stack, dropout=0.0, intermediate_loss=True)), SPEC)
    lengths = np.array([9000, 6123], np.int32)
    inputs = {"waveforms": tf.constant(waveforms(lengths, 9000)), "lengths": tf.constant(lengths)}
    labels = tf.constant([[1, 2, 3], [0, 1, -1]])
    result = model(inputs)
    one, two, last = (
        float(tf.reduce_mean(ctc_loss(labels, result[name], result["frames"])))
        for name in ("intermediate_1", "intermediate_2", "logits")
    )
    model.compile("sgd")
    assert model.evaluate(inputs, labels, verbose=0)[0] == pytest.approx(0.7 * last + 0.15 * (one + two), rel=1e-5)
    assert len({round(one, 4), round(two, 4), round(last, 4)}) == 3


@pytest.mark.parametrize(
    "stack",
    [
        replace(SMALL.model, layers=2, intermediate_loss=True),
        DeepSpeech2(filters=(4, 4), units=8, layers=2, connected=8),
        ProjectedLstm(units=8, projection=4, layers=2, intermediate_loss=True),
        Tdnn(filters=(8,), kernel_frames=(3,), strides=(4,), dilations=(1,)),
    ],
    ids=["p1", "p2", "p3", "p4"],
)
def test_mixed_utterances_are_learnt_by_their_shares(stack):
    """The loss of each is its share of its own transcript's and the rest of that of the one before it in the batch."""
    keras.utils.set_random_seed(0)
    features = replace(SMALL.features, mix_share=1.0, time_masks=0, frequency_masks=0)
    config = replace(SMALL, features=features, model=replace(stack, dropout=0.0))
    model = models.build(config, SPEC)
    lengths = np.array([9000, 6123, 7100], np.int32)
    inputs = {"waveforms": tf.constant(waveforms(lengths, 9000)), "lengths": tf.constant(lengths)}
    labels = tf.constant([[1, 2, 3], [0, 1, -1], [2, -1, -1]])
    result = model(inputs, training=True)
    own = result["own_share"].numpy()
    assert ((own > 0) & (own < 1)).all()
    assert result["frames"].numpy().tolist() == [models.frames(config, n) for n in (9000, 9000, 7100)]

    def losses(labels):
        last = ctc_loss(labels, result["logits"], result["frames"]).numpy()
        if "intermediate_1" not in result:
            return last
        return 0.7 * last + 0.3 * ctc_loss(labels, result["intermediate_1"], result["frames"]).numpy()

    before = tf.gather(labels, [2, 0, 1])
    expected = np.mean(own * losses(labels) + (1 - own) * losses(before))
    model.compile("sgd")
    assert float(model.compute_loss(inputs, labels, result, training=True)) == pytest.approx(expected, rel=1e-5)
    alone = model(inputs)
    assert (alone["own_share"].numpy() == 1).all()
    assert model.evaluate(inputs, labels, verbose=0)[0] == pytest.approx(
        float(model.compute_loss(inputs, labels, alone, training=False)), rel=1e-5
    )


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_a_share_of_mixed_utterances_beyond_all_of_them_is_refused(share):
    with pytest.raises(DataError, match=r"--features\.mix-share .*: expected 0 to 1"):
        data.prepare(replace(SMALL, features=replace(SMALL.features, mix_share=share)))


@pytest.mark.parametrize("stack", [AttentionEncoderDecoder(), Framewise()])
def test_models_that_do_not_learn_by_ctc_alone_refuse_mixed_utterances(stack):
    with pytest.raises(DataError, match=r"--features\.mix-share: only models that learn by CTC alone"):
        models.build(Config(features=FeaturesConfig(mix_share=0.2), model=stack), SPEC)


def test_frames_and_classes(model):
    lengths = np.array([16000, 5000, 400], np.int32)
    logits, counts = outputs(model, waveforms(lengths, 16000), lengths)
    assert logits.shape == (3, 25, 5)
    assert counts.tolist() == [models.frames(SMALL, int(n)) for n in lengths] == [25, 8, 1]


def test_a_stage_that_keeps_time_gives_finer_frames():
    keras.utils.set_random_seed(0)
    fine = replace(SMALL, model=replace(SMALL.model, time_strides=(1, 2)))
    lengths = np.array([16000, 5000, 400], np.int32)
    logits, counts = outputs(models.build(fine, SPEC), waveforms(lengths, 16000), lengths)
    assert logits.shape == (3, 49, 5)
    assert counts.tolist() == [models.frames(fine, int(n)) for n in lengths] == [49, 15, 1]
    assert models.seconds_per_frame(fine) == pytest.approx(0.02)


@pytest.mark.parametrize("strides", [(2,), (0, 2)])
def test_strides_that_are_not_one_a_stage_are_refused(strides):
    with pytest.raises(DataError, match="expected 2 numbers of at least 1"):
        models.build(replace(SMALL, model=replace(SMALL.model, time_strides=strides)), SPEC)


def test_frequencies_warped_beyond_all_sense_are_refused():
    with pytest.raises(DataError, match=r"--features\.warp 1\.5: expected less than 1"):
        models.build(replace(SMALL, features=replace(SMALL.features, warp=1.5)), SPEC)


@pytest.mark.parametrize("further", [1, 159, 160, 161, 321, 5000])
def test_padding_a_batch_further_changes_no_utterance(model, further):
    lengths = np.array([9000, 6123, 800], np.int32)
    rows = waveforms(lengths, 9000)
    logits, counts = outputs(model, rows, lengths)
    padded, again = outputs(model, np.pad(rows, ((0, 0), (0, further))), lengths)
    assert counts.tolist() == again.tolist()
    for alone, together, count in zip(logits, padded, counts, strict=True):
        np.testing.assert_allclose(alone[:count], together[:count], atol=1e-5)


def test_neighbours_change_no_utterance(model):
    lengths = np.array([9000, 6123, 800], np.int32)
    rows = waveforms(lengths, 9000)
    logits, counts = outputs(model, rows, lengths)
    for row, length, together, count in zip(rows, lengths, logits, counts, strict=True):
        alone, _ = outputs(model, row[None, :length], np.array([length], np.int32))
        np.testing.assert_allclose(alone[0], together[:count], atol=1e-5)


def test_the_same_weights_from_the_same_seed():
    keras.utils.set_random_seed(5)
    first = models.build(SMALL, SPEC).get_weights()
    keras.utils.set_random_seed(5)
    for left, right in zip(first, models.build(SMALL, SPEC).get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_augmentation_and_dropout_act_in_training_only(model):
    lengths = np.array([9000], np.int32)
    rows = waveforms(lengths, 9000)
    calm = [outputs(model, rows, lengths)[0] for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    assert (outputs(model, rows, lengths, training=True)[0] != calm[0]).any()


def test_mixed_precision_keeps_logits_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = models.build(SMALL, SPEC)
    finally:
        keras.config.set_dtype_policy("float32")
    lengths = np.array([9000], np.int32)
    logits, _ = outputs(mixed, waveforms(lengths, 9000), lengths)
    assert logits.dtype == np.float32
    assert mixed.get_layer("blstm_1").compute_dtype == "bfloat16"


def test_a_handful_is_learnt_by_heart(tmp_path):
    """And a saved model answers alike."""
    keras.utils.set_random_seed(1)
    settings = Config(
        data=DataConfig(source="demo", speeds=(1.0,)),
        features=FeaturesConfig(bins=40, time_masks=0, frequency_masks=0),
        model=Blstm(units=48, layers=1, filters=(8, 8), projection=0, dropout=0.0),
        training=TrainingConfig(batch_size=8),
    )
    prepared = data.prepare(settings)
    few = prepared.splits["train"].subset(range(8))
    model = models.build(settings, prepared.spec)
    model.compile(keras.optimizers.Adam(0.015, global_clipnorm=5.0))
    history = model.fit(
        data.batches(settings, prepared.spec, few, True), steps_per_epoch=20, epochs=6, verbose=0
    ).history
    assert history["label_error_rate"][0] > 0.5
    assert history["label_error_rate"][-1] < 0.02
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    x, _ = next(iter(data.batches(settings, prepared.spec, few, False)))
    np.testing.assert_array_equal(model(x)["logits"], again(x)["logits"])


def test_what_is_heard_has_single_spaces_as_transcripts_have():
    path = np.array([[0, 3, 1, 3, 0, 3, 0, 0, 2, 0]])  # blank: 3
    logits = tf.constant(40.0 * np.eye(4, dtype=np.float32)[path])
    heard = transcribe(
        lambda inputs, training: {"logits": logits, "frames": tf.constant([10])},
        DecodingConfig(beam_width=2), list(" ab"), tf.zeros([1, 1]), tf.constant([1]),
    )  # fmt: skip
    assert heard["text"].numpy().tolist() == heard["text_beam"].numpy().tolist() == [b"a b"]
