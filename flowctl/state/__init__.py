"""What is remembered: the only room that knows peewee."""
