"""From a Keras model to a model file or ONNX: layers into nodes, batch norms folded, and a check of the result."""
