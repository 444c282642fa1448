"""Images and texts in, scores out: encoders, prompts, augmentation and scoring; knows neither mesh nor scene."""
