"""The named configurations of the speech app. Free of TensorFlow."""

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
from harness.settings import Preset, TrainingConfig


def _in_passes(passes: int) -> TrainingConfig:
    """So many passes over AN4's 820 training utterances, 25 steps each; five make a Keras epoch, after which is saved and validated."""
    return TrainingConfig(
        epochs=passes // 5,
        steps_per_epoch=125,
        batch_size=32,
        learning_rate=3e-3,
        weight_decay=1e-2,
        warmup_fraction=0.05,
        clip_norm=5.0,
        ema_momentum=0.99,
        monitor="val_label_error_rate",
    )


_ESPNET = (
    "WER 7.6 %, CER 3.6 % without language model (ESPnet 0.10.5, egs2/an4: Transformer, CTC and attention, beam 10)"
)

PRESETS = {
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", speeds=(1.0,)),
            features=FeaturesConfig(bins=40, time_masks=0, frequency_masks=0),
            model=Blstm(units=64, layers=1, filters=(16, 16), projection=0, dropout=0.1),
            training=TrainingConfig(
                epochs=10,
                batch_size=32,
                learning_rate=4e-3,
                weight_decay=1e-3,
                clip_norm=5.0,
                monitor="val_label_error_rate",
            ),
        ),
        catalogue="P1",
        title="BLSTM + CTC",
    ),
    "blstm-an4": Preset(
        Config(
            features=FeaturesConfig(mix_share=0.2),
            model=Blstm(convolutions=2, intermediate_loss=True),
            training=_in_passes(100),
        ),
        catalogue="P1",
        title="BLSTM + CTC on log-mel, greedy",
        literature=_ESPNET,
    ),
    "blstm-noise-an4": Preset(
        Config(
            data=DataConfig(noise_share=0.3),
            features=FeaturesConfig(warp=0.1, time_masks=4, mix_share=0.2),
            model=Blstm(convolutions=2, intermediate_loss=True),
            training=_in_passes(120),
        ),
        catalogue="P1",
        title="BLSTM + CTC on log-mel, trained with noise, warped frequencies and more masks, 120 passes, greedy",
        literature=_ESPNET,
    ),
    "blstm-phonemes-an4": Preset(
        Config(
            data=DataConfig(units="phonemes"),
            features=FeaturesConfig(mix_share=0.2),
            model=Blstm(convolutions=2, intermediate_loss=True),
            training=_in_passes(100),
        ),
        catalogue="P1",
        title="BLSTM + CTC, phonemes; words by their pronunciation, greedy",
    ),
    "deep-speech-2-an4": Preset(
        Config(
            features=FeaturesConfig(warp=0.1, mix_share=0.2),
            model=DeepSpeech2(intermediate_loss=True),
            training=_in_passes(150),
        ),
        catalogue="P2",
        title="Deep Speech 2: 2-D convolutions, 3 bidirectional GRU, BatchNorm, greedy",
    ),
    "deep-speech-2-streaming-an4": Preset(
        Config(
            features=FeaturesConfig(normalization="running", mix_share=0.2),
            model=DeepSpeech2(bidirectional=False, cell="lstm", units=320, intermediate_loss=True),
            training=_in_passes(100),
        ),
        catalogue="P7",
        title="Deep Speech 2, unidirectional with row convolution: streams, greedy",
    ),
    "projected-lstm-an4": Preset(
        Config(
            features=FeaturesConfig(
                bins=40, frequency_width=10, mix_share=0.2, stack_before=3, stack_after=4, stack_stride=3
            ),
            # without the lower layers' losses it hardly begins to learn where bands or stretches are blotted out
            model=ProjectedLstm(dropout=0.1, intermediate_loss=True),
            training=_in_passes(80),
        ),
        catalogue="P3",
        title="5 bidirectional LSTM with projections on stacked, subsampled frames, greedy",
    ),
    "tdnn-an4": Preset(
        Config(model=Tdnn(), training=_in_passes(100)),
        catalogue="P4",
        title="Time-delay network, greedy",
    ),
    "attention-an4": Preset(
        Config(
            model=AttentionEncoderDecoder(layers=2, ctc_share=0.5),
            decoding=DecodingConfig(beam_width=8, ctc_share=0.7),
            training=_in_passes(100),
        ),
        catalogue="P5",
        title="BLSTM encoder, Bahdanau attention decoder, CTC and attention, greedy",
        literature=_ESPNET,
    ),
    "framewise-an4": Preset(
        Config(model=Framewise(), training=_in_passes(80)),
        catalogue="P8",
        title="BLSTM naming each frame, trained on the alignment of a BLSTM + CTC, greedy",
    ),
}
DEFAULT = "blstm-an4"
