"""Pure pictures: a flow is built, laid out and painted as text."""
