"""Training: features by the same fold, LightGBM, export to ONNX, the package. Never imported by a worker."""
