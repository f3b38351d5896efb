"""Adapters: torch, transformers and files behind the ports of the application."""
