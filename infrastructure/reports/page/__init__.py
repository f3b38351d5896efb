"""The page that a run ends in: blocks that kinds fill, and how they are written as HTML."""
