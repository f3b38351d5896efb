"""Exported models at work, computed by onnxruntime: torch and transformers are never loaded."""
