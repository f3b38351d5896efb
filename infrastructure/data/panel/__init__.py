"""Long tables: many series below each other, told apart by columns, checked and kept on disk series by series."""
