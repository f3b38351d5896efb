"""Data sets of the hub: fetched as files, and one part of them kept as a Parquet file that the readers take."""
