"""Every family of acoustic models, in its forms: what P1's tests promise of P1."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from apps.speech import models, serve
from apps.speech.config import (
    AttentionEncoderDecoder,
    Config,
    DecodingConfig,
    DeepSpeech2,
    FeaturesConfig,
    Framewise,
    ProjectedLstm,
    Tdnn,
)
from apps.speech.decoding import transcribe
from apps.speech.models import front_end
from datasets.errors import DataError

SPEC = {"characters": list(" abc")}
SMALL = {"filters": (4, 4), "units": 6, "layers": 2, "connected": 8}
STACKED = FeaturesConfig(bins=20, stack_before=1, stack_after=2, stack_stride=3)
CONFIGS = {
    "2d_gru_both_ways": Config(features=FeaturesConfig(bins=20), model=DeepSpeech2(**SMALL)),
    "1d_lstm_both_ways": Config(
        features=FeaturesConfig(bins=20, deltas=2), model=DeepSpeech2(**SMALL, convolution="1d", cell="lstm")
    ),
    "2d_lstm_one_way": Config(
        features=FeaturesConfig(bins=20, normalization="running"),
        model=DeepSpeech2(**SMALL, cell="lstm", bidirectional=False, future=2),
    ),
    "2d_gru_on_cepstra": Config(
        features=FeaturesConfig(bins=20, cepstra=13, deltas=1), model=DeepSpeech2(**SMALL, bidirectional=False)
    ),
    "projected_both_ways": Config(features=STACKED, model=ProjectedLstm(units=8, projection=4, layers=2)),
    "projected_one_way": Config(
        features=STACKED, model=ProjectedLstm(units=8, projection=4, layers=2, bidirectional=False)
    ),
    "tdnn": Config(
        features=FeaturesConfig(bins=20),
        model=Tdnn(filters=(6, 6, 6), kernel_frames=(5, 3, 1), strides=(2, 1, 1), dilations=(1, 3, 1)),
    ),
}
LENGTHS = np.array([9000, 6123, 800], np.int32)
NARROW = {"units": 6, "layers": 1, "filters": (4, 4), "projection": 0}
EXPORTED = CONFIGS | {
    "attention": Config(
        features=FeaturesConfig(bins=20),
        model=AttentionEncoderDecoder(**NARROW, decoder_units=8, embedding_width=4, attention_units=6),
        decoding=DecodingConfig(beam_width=3),
    ),
    "framewise": Config(features=FeaturesConfig(bins=20), model=Framewise(**NARROW)),
}
"""Two more models, of which one decodes by itself and one stands beside another."""
SELDOM = {"2d_gru_on_cepstra", "projected_one_way"}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.long) if name in SELDOM else name for name in CONFIGS]
)
def built(request):
    """(config, model), its normalisations having seen a batch, so that their moving averages are not those of the start."""
    keras.utils.set_random_seed(0)
    config = CONFIGS[request.param]
    model = models.build(config, SPEC)
    outputs(model, waveforms(9000), LENGTHS, training=True)
    return config, model


def waveforms(longest):
    generator = np.random.default_rng(0)
    rows = 0.1 * generator.standard_normal((len(LENGTHS), longest)).astype(np.float32)
    for row, length in zip(rows, LENGTHS, strict=True):
        row[length:] = 0
    return rows


def outputs(model, rows, lengths, training=False):
    result = model({"waveforms": tf.constant(rows), "lengths": tf.constant(lengths)}, training=training)
    return result["logits"].numpy(), result["frames"].numpy()


def test_frames_are_those_that_the_data_count_on(built):
    config, model = built
    lengths = np.array([9000, 6123, 399], np.int32)
    logits, counts = outputs(model, waveforms(9000), lengths)
    assert counts.tolist() == [models.frames(config, int(n)) for n in lengths]
    assert counts[0] == logits.shape[1]
    assert counts[2] == 0
    assert logits.shape[2] == 5
    assert models.seconds_per_frame(config) == pytest.approx(9000 / 16000 / counts[0], rel=0.15)


@pytest.mark.parametrize("further", [161, 5000])
def test_padding_a_batch_further_changes_no_utterance(built, further):
    _, model = built
    logits, counts = outputs(model, waveforms(9000), LENGTHS)
    padded, again = outputs(model, np.pad(waveforms(9000), ((0, 0), (0, further))), LENGTHS)
    assert counts.tolist() == again.tolist()
    for alone, together, count in zip(logits, padded, counts, strict=True):
        np.testing.assert_allclose(alone[:count], together[:count], atol=1e-5)


def test_neighbours_change_no_utterance(built):
    _, model = built
    logits, counts = outputs(model, waveforms(9000), LENGTHS)
    for row, length, together, count in zip(waveforms(9000), LENGTHS, logits, counts, strict=True):
        alone, _ = outputs(model, row[None, :length], np.array([length], np.int32))
        np.testing.assert_allclose(alone[0], together[:count], atol=1e-5)


def test_padding_changes_nothing_in_training_either():
    """Batch normalisation counts real frames only; without what is random."""
    config = Config(
        features=FeaturesConfig(bins=20, frequency_masks=0, time_masks=0), model=DeepSpeech2(**SMALL, dropout=0.0)
    )
    keras.utils.set_random_seed(0)
    model = models.build(config, SPEC)
    logits, counts = outputs(model, waveforms(9000), LENGTHS, training=True)
    padded, _ = outputs(model, np.pad(waveforms(9000), ((0, 0), (0, 3000))), LENGTHS, training=True)
    for alone, together, count in zip(logits, padded, counts, strict=True):
        np.testing.assert_allclose(alone[:count], together[:count], atol=1e-4)


@pytest.mark.parametrize(("name", "seconds"), [("2d_lstm_one_way", 0.4), ("2d_gru_both_ways", None)])
def test_only_bidirectional_models_wait_for_the_end(name, seconds):
    keras.utils.set_random_seed(0)
    config = CONFIGS[name]
    model = models.build(config, SPEC)
    rows = 0.1 * np.random.default_rng(0).standard_normal((1, 16000)).astype(np.float32)
    changed = rows.copy()
    changed[0, 12000:] *= -3
    length = np.array([16000], np.int32)
    moved = np.abs(outputs(model, rows, length)[0] - outputs(model, changed, length)[0])[0].max(-1)
    first = np.flatnonzero(moved > 1e-6)[0] * models.seconds_per_frame(config)
    if seconds is None:
        assert first < 0.1
    else:
        assert 12000 / 16000 - seconds < first < 12000 / 16000


def test_every_kind_of_feature_has_the_width_it_should():
    widths = {}
    for name, features in {
        "bands": FeaturesConfig(bins=20),
        "cepstra": FeaturesConfig(bins=20, cepstra=13, deltas=2),
        "stacked": FeaturesConfig(bins=20, deltas=1, stack_before=3, stack_after=4, stack_stride=3),
    }.items():
        start = front_end.build(features)
        x, count = keras.Model(start.inputs, [start.features, start.frames])(
            {"waveforms": waveforms(9000), "lengths": LENGTHS}
        )
        assert count.numpy().tolist() == [front_end.frames(features, int(n)) for n in LENGTHS]
        widths[name] = x.shape[-1]
        pictures = front_end.pictures(features, start.features)
        assert pictures.shape[2:] == {"bands": (20, 1), "cepstra": (13, 3), "stacked": (20, 16)}[name]
    assert widths == {"bands": 20, "cepstra": 39, "stacked": 320}


def test_pictures_keep_each_channel_together():
    features = FeaturesConfig(bins=4, deltas=1)
    values = np.arange(2 * 3 * 8, dtype=np.float32).reshape(2, 3, 8)
    symbols = keras.Input((None, 8))
    pictures = keras.Model(symbols, front_end.pictures(features, symbols))(values).numpy()
    np.testing.assert_array_equal(pictures[..., 0], values[..., :4])
    np.testing.assert_array_equal(pictures[..., 1], values[..., 4:])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (DeepSpeech2(filters=(4,)), "one a convolution"),
        (DeepSpeech2(kernel_frames=(4, 5)), "odd"),
        (Tdnn(strides=(1,)), "one a convolution"),
        (Tdnn(filters=(4,), kernel_frames=(3,), strides=(2,), dilations=(2,)), "stride 2, dilation 2"),
    ],
)
def test_settings_that_do_not_fit_together_are_named(model, expected):
    with pytest.raises(DataError, match=expected):
        models.build(Config(model=model), SPEC)


RELOAD = """
import sys, numpy as np, tensorflow as tf
inputs = np.load(sys.argv[2])
signature = tf.saved_model.load(sys.argv[1]).signatures["waveform_posteriors"]
answer = signature(waveforms=tf.constant(inputs["waveforms"]), lengths=tf.constant(inputs["lengths"]))
heard = {name: answer[name].numpy().astype(str) for name in ("text", "text_beam")}
np.savez(sys.argv[3], log_probabilities=answer["log_probabilities"].numpy(), **heard)
"""


@pytest.mark.parametrize(
    "name",
    [
        "1d_lstm_both_ways",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("2d_lstm_one_way", "projected_both_ways", "attention", "framewise")
        ),
    ],
)
def test_exported_and_loaded_in_a_fresh_process(name, tmp_path):
    keras.utils.set_random_seed(0)
    config = EXPORTED[name]
    model = models.build(config, SPEC)
    if name == "framewise":
        model = models.build(config, SPEC, model)
    archive = keras.export.ExportArchive()
    archive.track(model)
    endpoint = serve.endpoints(config, SPEC, model)[0]
    archive.add_endpoint(endpoint.name, endpoint.function, input_signature=list(endpoint.signature))
    archive.write_out(str(tmp_path / "saved_model"), verbose=False)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.savez(tmp_path / "inputs.npz", waveforms=waveforms(9000), lengths=LENGTHS)
    files = [str(tmp_path / file) for file in ("saved_model", "inputs.npz", "outputs.npz")]
    subprocess.run([sys.executable, "-c", RELOAD, *files], check=True, capture_output=True)
    logits, counts = outputs(model, waveforms(9000), LENGTHS)
    np.testing.assert_array_equal(outputs(again, waveforms(9000), LENGTHS)[0], logits)
    with np.load(files[2]) as found:
        for row, answered, count in zip(logits, found["log_probabilities"], counts, strict=True):
            np.testing.assert_allclose(answered[:count], tf.nn.log_softmax(row)[:count], atol=1e-4)
        heard = transcribe(
            model, config.decoding, SPEC["characters"], tf.constant(waveforms(9000)), tf.constant(LENGTHS)
        )
        for name in ("text", "text_beam"):
            assert found[name].tolist() == [text.decode() for text in heard[name].numpy()]
