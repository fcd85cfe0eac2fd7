"""The parts of ``python -m benchmarks.compare``: engines in processes of their own, contests between them, bars."""
