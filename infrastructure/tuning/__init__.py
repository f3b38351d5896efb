"""Studies of settings: what workers share, what Optuna advises, the page and the files."""
