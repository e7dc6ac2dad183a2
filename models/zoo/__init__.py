"""The zoo: one family of models a file.

A file holds `Size` (flat sizes that check themselves; `frames` is a training window, `causal`
that its one pose is the last frame's and not the middle's), `train(g, size)`, `infer(g, size)`
where it differs by more than dropout and batch statistics, `PRESETS` (at least `paper`, `small`
and `tiny`), `PAPER_PARAMETERS` and `LOSS`, the published weights of its terms. A network that
depends on the skeleton takes `body` by keyword, as losses do: the `models.Body` of the poses, None
where the model is built for no data.

How it is trained stands beside it in YAML, by `bench` alone read: recipes by key, each over the one
of the same file that it `extends`, with `preset`, `sizes`, `train` and whatever else a
configuration says of a model. `paper` is the published recipe; `quick` trains `tiny`, and within a
minute of two cores beats the best trivial baseline by a quarter (of images, in three minutes the
mean pose by half). A recipe is of a `stage` where it says so; a stage that no recipe is of is
trained as the plain model.

Where they apply: `LOSSES`, terms of its own beside those of `models/losses`, by the name that
`LOSS` weighs, each (pose, size) -> a number; `AGREE = False` where the two graphs are not
meant to give the same pose; `STAGES`, further trainings by name, each a `models.Stage` over the
same sizes and parameter names, chosen as FAMILY:STAGE; `BODY`, the skeleton of what
asks for one, where a build is given none, or what makes it of sizes: a mesh has a `detail`.

A model reads `keypoints`, `poses` relative to their root, or `images` (batch, 3, height, width):
so its input is called. What it makes of them are poses, or keypoints where they have two
coordinates; of images, poses (batch, 1, joints, 3) in crop units, from -0.5 to 0.5. A term that
asks for `known`, like the target, is told by 1 which of its coordinates count. A masked model has
noise for its masks in both graphs and labels `hidden`, (b, t, j, 1), 1 where an entry is hidden:
it is scored on those entries alone. A model of a surface labels `vertices`, (b, v, 3), metres from
the root, beside the pose of one frame, and has a size `detail`: that of the body's mesh, which it
finds in `body.mesh`, and which is `models.human.human(detail)` where it is built for no data.

`NOTES`, sentences on what is unverified or left out, go to its page (`python -m models.pages`).

For published checkpoints: `OFFICIAL`, the authors' class, or a table of classes and the stages
that they are ("" for the plain model), with `from_official(official, config)` from its
constructor arguments to sizes; `OFFICIAL_LOSS`, by class, where its golden vectors are not of plain
MPJPE; `DEAD`, patterns of names that checkpoints have and no graph reads, and
`official_name(name)`, where theirs are not quite ours;
`golden(official, config, arrays)` where they are laid out in a way of their own.
"""
