"""Text in, typed values out: recipes are parsed, checked, compared and dumped here.

    text --parse--> document --read by schema--> plain values --build--> specs --check--> specs
    specs --dump--> text            specs, specs --diff--> changes --apply_changes--> specs

A recipe describes one network. `parse` finds everything that is wrong with it in one go, each
complaint with line, column and path; `dump` writes the shortest recipe that `parse` reads as the
same values. The room is pure: it opens no file and reads no clock, and only `parse` and `dump` know
that there is YAML.

- `schema` is the grammar, tables made of `kinds` and `words`; `describe` prints it as JSON Schema
- `document` is the tree of a text, `read` takes it to values by the tables, `build` to specs
- `check`, with `wiring`, `schedules` and `tasks`, judges what no single key can say
- `functions` reads the functions and parameters of a module from its text, `guards` refuses what git
  and pip could take for options, `units` knows durations, sizes and rates
"""
