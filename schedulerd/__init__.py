"""The scheduler: one of them leads, places processors, fires schedules and watches; others wait."""
