"""The pipeline's oracle: from raw clips and trained weights to a score, slowly and plainly.

It judges `bench/data/batches`, `bench/training`, `bench/evaluation` and `bench/metrics`, and
shares no code with them: what both did wrong, neither would find. NumPy in float64, plain loops
where frames are picked, no cleverness: it is to be checked by reading it.

Axes: T frames seen, K frames predicted, J joints, C channels (x, y, perhaps confidence).
"""
