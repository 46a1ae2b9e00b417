"""What is remembered: the single source of truth, in SQLite or Postgres.

Only this room knows peewee and SQL. Everyone else holds a `Store` (store.py), whose repositories
take and give the values of `flowctl.model`. Every public method is one unit of work: one
transaction, tried again as a whole when the database goes away or says so.
"""
