"""Same digit or not: what the siamese network's pairs, metrics, figures and SavedModel are (catalogue row D8)."""
