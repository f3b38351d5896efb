"""The jobs Athanor does and the ports they speak through; imports domain and pydantic only."""
