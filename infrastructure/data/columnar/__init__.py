"""Files that keep cells by column: Parquet, Arrow, saved data sets, workbooks."""
