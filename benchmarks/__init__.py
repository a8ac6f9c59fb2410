"""Programs that measure. `python -m benchmarks.run` runs those of the workloads and writes docs/performance/results.md.

`harness` measures in interleaved rounds, `subjects` are the ways to do one piece of work that are compared.
"""
