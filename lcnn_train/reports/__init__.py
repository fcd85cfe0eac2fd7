"""What is shown of models and runs: costs, tables, curves of training, dictionaries as images."""
