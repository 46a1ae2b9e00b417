"""flowctl for the shell."""
