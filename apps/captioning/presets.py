"""The named configurations of the captioning app. Free of TensorFlow."""

from apps.captioning.config import Config, ConvNetAttention, DataConfig, MobileNetAttention, SelfCriticalConfig
from harness.settings import Preset, TrainingConfig

_LITERATURE = (
    "BLEU-1 67, BLEU-4 21.3 on the test list with VGG features (Show, Attend and Tell, hard attention, Xu et al. 2015)"
)

_flickr8k_training = TrainingConfig(
    epochs=36,
    batch_size=96,
    learning_rate=2e-3,
    warmup_fraction=0.03,
    weight_decay=0.02,
    clip_norm=5.0,
    ema_momentum=0.99,
    keep="last",
    validate_every=4,
)
_mobilenet100 = MobileNetAttention(
    encoder_weights="imagenet-weights/mobilenet_v2_1.0_224_from_qat_no_top.h5", picture_size=256, dropout=0.5
)

PRESETS = {
    "demo": Preset(
        Config(
            data=DataConfig(source="demo", least_count=1, longest_caption=14, mirror=False),
            model=ConvNetAttention(units=96, embedding_width=64, attention_units=64, dropout=0.1, label_smoothing=0.0),
            training=TrainingConfig(epochs=9, batch_size=32, learning_rate=4e-3, clip_norm=5.0, keep="last"),
        ),
        catalogue="N2",
        title="Attention LSTM and a small ConvNet",
    ),
    "attention-flickr8k-mobilenet100": Preset(
        Config(
            model=_mobilenet100,
            training=_flickr8k_training,
        ),
        catalogue="N2",
        title="Attention LSTM on MobileNetV2 alpha 1.0, converted weights",
        literature=_LITERATURE,
    ),
    "attention-flickr8k-mobilenet100-self-critical": Preset(
        Config(
            model=_mobilenet100,
            training=_flickr8k_training,
            self_critical=SelfCriticalConfig(passes=2, ema_momentum=0.995),
        ),
        catalogue="N2",
        title="Attention LSTM on MobileNetV2 alpha 1.0, converted weights, two self-critical passes",
        literature=_LITERATURE,
    ),
    "attention-flickr8k-mobilenet035": Preset(
        Config(
            model=MobileNetAttention(encoder_alpha=0.35, picture_size=256, dropout=0.5), training=_flickr8k_training
        ),
        catalogue="N2",
        title="Attention LSTM on MobileNetV2 alpha 0.35, Keras' own weights",
        literature=_LITERATURE,
    ),
}
DEFAULT = "attention-flickr8k-mobilenet100-self-critical"
