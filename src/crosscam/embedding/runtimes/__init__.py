"""Networks on other runtimes than torch, by files of ONNX, and which of them to take."""
