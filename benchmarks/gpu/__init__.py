"""Build, test and measure on a GPU with one command: ``python -m benchmarks.gpu``."""
