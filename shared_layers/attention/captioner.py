"""A picture encoder and a word decoder as one model."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="shared_layers")
class Captioner(keras.Model):
    """Encoder and attention decoder; a frozen encoder's features may be handed in instead of pictures.

    Args:
        encoder: keras.Model, pictures [batch, height, width, 3] in 0..255 -> features [batch, cells, channels].
        decoder: layer with the interface of `AttentionDecoder`.

    Input:
        a dictionary of `words` int [batch, words] and either `pictures` or `features`.

    Output shape:
        logits float32 [batch, words, vocabulary].
    """

    def __init__(self, encoder: keras.Model, decoder: keras.layers.Layer, **kwargs) -> None:
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        # Both parts know their shapes: building here lets a saved model load without having seen an input.
        if not decoder.built:
            decoder.build(encoder.output_shape)
        self.built = True

    def call(self, inputs, training: bool = False):
        features = inputs["features"] if "features" in inputs else self.features(inputs["pictures"], training)
        return self.decoder(ops.cast(features, self.compute_dtype), inputs["words"], training=training)

    def features(self, pictures, training: bool = False):
        """Returns features [batch, cells, channels] of pictures [batch, height, width, 3] in 0..255."""
        return self.encoder(pictures, training=training and self.encoder.trainable)

    def get_config(self) -> dict:
        serialize = keras.saving.serialize_keras_object
        return {"name": self.name, "encoder": serialize(self.encoder), "decoder": serialize(self.decoder)}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> Captioner:
        deserialize = keras.saving.deserialize_keras_object
        parts = {part: deserialize(config[part], custom_objects=custom_objects) for part in ("encoder", "decoder")}
        return cls(name=config.get("name"), **parts)
