"""The time column of a table: how it is meant shows in the whole column."""
