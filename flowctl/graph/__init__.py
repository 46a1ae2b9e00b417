"""Pure pictures: a flow is built, laid out and painted as text.

    topology --build--> graph --layout--> places in cells --paint--> picture --write--> lines

`picture.draw` goes the whole way and picks what fits the terminal; `picture.text` puts the numbers
of a moment into room that was kept for them, so that nothing moves when they change.

- `layout` is the one door to the engine: `rank` (cycles, layers), `order` (few crossings, or as it
  was before), `place` (straight lines), `tracks` (no two lines on one cell)
- `glyphs`, `labels`, `paint` make characters; `svg` and `exports` write for other programs
- `live` holds what is measured, `physics` says what it means: when a queue is empty or full, which
  processor limits the flow and how many cpus would balance it

What a picture says is proved: tests read it back, cell by cell, and compare it with its graph. Lines
touch only where they cross, and there the one that runs across has a gap.
"""
