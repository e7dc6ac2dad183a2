"""What costs nothing to predict: a trained model's number means little without it."""

TASK = "baselines"
ABOUT = "data"
DATA = True
