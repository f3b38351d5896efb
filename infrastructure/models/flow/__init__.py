"""A reader of source code that follows values: lexer, vocabulary, relations, model."""
