"""Settings that suit a way to train, which tasks share: their defaults where nothing is said."""

# The rates at which BERT was fine-tuned lie between 2e-5 and 5e-5. Source: Devlin et al., NAACL 2019, appendix A.3.
FINE_TUNING = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 3e-5,
    "word_dropout": 0.0,
    "linear_start": False,
    "average_decay": 0.0,
}
# Hu et al., LoRA, ICLR 2022: 4e-4 to 5e-4 for RoBERTa base (table 9), 2e-4 for GPT-2 and GPT-3 (tables 11 and 12).
ADAPTING = {"learning_rate": 5e-4}
ADAPTING_WRITERS = {"learning_rate": 2e-4}
# Encoders no wider than the presets tiny and mini bear a far higher rate, and want it: 3e-4 is the highest that Turc et
# al. tried for theirs (Well-Read Students Learn Better, 2019). benchmarks/masked_then_classified.py.
SMALL_WIDTH = 256
FINE_TUNING_SMALL = {"epochs": 8, "learning_rate": 3e-4}
# A new head on features that stay as they are learns as it would from scratch.
TRAINING_A_HEAD = {"learning_rate": 1e-3}
# Why Muon: docs/decisions/015. With the tiny presets the standard library takes minutes on two cores.
WRITING = {
    "optimizer": "muon",
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "average_decay": 0.99,
    "validation_split": 0.1,
}
FINE_TUNING_OF_WRITERS = {
    "optimizer": "adamw",
    "epochs": 3,
    "batch_size": 8,
    "learning_rate": 5e-5,
    "average_decay": 0.0,
}
# Warm-up, then cosine cycles of which each is twice as long; benchmarks/long_horizon.py.
FORECASTING = {
    "model_name": "forecaster-mini",
    "epochs": 10,
    "batch_size": 64,
    "learning_rate": 5e-4,
    "scheduler": "cosine_with_restarts",
    "early_stopping_patience": 10,
    "early_stopping_min_delta": 1e-5,
    "max_checkpoints": 5,
    "keep_best": 3,
    "average_decay": 0.99,
    "split": (0.7, 0.1, 0.2),
}
# A reader of code from scratch. What it tells apart is learnt by many rows and few passes over each.
READING_FLOW = {
    "optimizer": "muon",
    "epochs": 4,
    "batch_size": 16,  # of short trainings; long ones want 32: decision 040
    "learning_rate": 4e-3,
    "word_dropout": 0.0,
    "linear_start": True,
    "class_weights": "none",
    "average_decay": 0.99,
}
TUNING_FLOW = {**READING_FLOW, "epochs": 4, "learning_rate": 1e-3}
