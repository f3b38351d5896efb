"""What labelled rows give away before any model learns from them: clones, noise, shortcuts, leaks."""
