"""The zoo: one family of models a file.

A file holds `Size` (flat sizes that check themselves), `train(g, size)`, `infer(g, size)`
where it differs by more than dropout and batch statistics, `PRESETS` (at least `paper`, `small`
and `tiny`), `QUICK` (the training of `tiny`: within a minute of two cores it beats the best
trivial baseline by a quarter), `TRAINING` of the presets, `PAPER_PARAMETERS` and `RECIPE`.

Where they apply: `LOSSES`, terms of its own beside those of `models/losses`, by the name that
the recipe weighs, each (pose, size) -> a number; `AGREE = False` where the two graphs are not
meant to give the same pose; `STAGES`, further trainings by name, each a `models.Stage` over the
same sizes and parameter names, chosen as FAMILY:STAGE; `BODY`, the skeleton of losses that ask
for one, where a build is given none.

A model reads `keypoints`, or `poses` relative to their root: so its input is called. What it
makes of them are poses, or keypoints where they have two coordinates. A masked model has noise
for its masks in both graphs and labels `hidden`, (b, t, j, 1), 1 where an entry is hidden: it is
scored on those entries alone.

For published checkpoints: `OFFICIAL`, the authors' class, or a table of classes and the stages
that they are ("" for the plain model), with `from_official(official, config)` from its
constructor arguments to sizes; `OFFICIAL_LOSS`, by class, where its golden vectors are not of plain
MPJPE; `golden(official, config, arrays)` where they are laid out in a way of their own.
"""
