"""flowctl and its peers side by side: one RabbitMQ, one Postgres, one run, the same functions.

- `work.py` holds the functions that every system runs
- `on_celery.py` and `on_dramatiq.py` are programs for the peers' own environment (`peers.py` makes it)
- `marks.py` reads what the functions noted; from that, and not from what a system says of itself,
  come all rates
- `flow.py` drives flowctl, `peers.py` the others, `course.py` lays out the race and its table
"""
