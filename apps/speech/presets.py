"""The named configurations of the speech app. Free of TensorFlow."""

from apps.speech.config import Blstm, Config, DataConfig, FeaturesConfig
from harness.settings import Preset, TrainingConfig

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
        title="BLSTM + CTC on synthetic digit strings",
    ),
    "blstm-an4": Preset(
        Config(
            model=Blstm(convolutions=2, intermediate_loss=True),
            training=TrainingConfig(
                epochs=60,
                batch_size=16,
                learning_rate=2e-3,
                weight_decay=1e-2,
                warmup_fraction=0.05,
                clip_norm=5.0,
                ema_momentum=0.995,
                monitor="val_label_error_rate",
                validate_every=2,
            ),
        ),
        catalogue="P1",
        title="BLSTM + CTC on log-mel, greedy",
    ),
}
DEFAULT = "blstm-an4"
