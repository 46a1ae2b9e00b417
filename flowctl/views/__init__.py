"""Pure tables: values in, rows for people and programs out."""
