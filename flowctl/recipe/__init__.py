"""Text in, typed values out: recipes are parsed, checked, compared and dumped here."""
