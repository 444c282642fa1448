"""What trains the embedded encoder: data, model, evaluation. The package never imports it."""
