"""The zoo: one model a file.

A file holds `Size` (flat sizes that check themselves), `train(g, size)`, `infer(g, size)`
where it differs by more than dropout and batch statistics, `PRESETS` (at least `paper`, `small`
and `tiny`), `TRAINING` of those, `PAPER_PARAMETERS`, `RECIPE`, and `OFFICIAL` with
`from_official` for published checkpoints.
"""
