"""A whole flow in one process and one thread, without broker and agents, for tests and debugging.

It follows the worker's own rules: what a delivery is, what a call came to and what is sent on are
decided by the rooms of `agentd/worker`, joins and canvases by the state database. Only the way
differs: messages wait in a list instead of queues, and functions run right here.
"""
