"""Files of separated cells: delimiters, quotes, decimal marks."""
