"""How sure metrics are: intervals by resampling the rows that they were taken from."""
