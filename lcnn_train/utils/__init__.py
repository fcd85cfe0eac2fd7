"""Small tools without knowledge of networks: files, progress bars, loading TensorFlow quietly."""
