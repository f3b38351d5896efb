"""What a person sees of forecasts: sections of a page, made of what was kept of some windows."""
