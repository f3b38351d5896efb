"""The files of a model as they stand on disk, read without the libraries that open it."""
