"""The broker in a SQLite file: durable queues for the processes of one machine, nothing installed.

`broker` is the port; `file` opens the database, `rows` and `queues` are what happens in it, `writer`
groups what a process writes into transactions (in turn with others: `gate`), `reader` asks,
`sessions` tell who lives, `consumers` and `keeper` hand deliveries out, `wire` packs messages,
`answers` carries what calls came to past the file.
"""
