"""Benchmarks: Cormack beside the best peers and a memcpy, in one run. See CONTRIBUTING.md."""
