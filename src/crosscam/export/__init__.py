"""Export: a trained model for other runtimes, checked before it is handed over."""
