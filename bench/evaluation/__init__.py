"""How wrong a trained model is, beside predictors that cost nothing."""
