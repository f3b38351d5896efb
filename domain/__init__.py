"""Values and policies of training; imports the standard library only."""
