"""The settings of a training by concern: each has one home, with its default, rule, unit and a line about it."""
