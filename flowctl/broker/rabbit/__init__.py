"""RabbitMQ behind the port: the only room that knows pika.

`broker` is the port; `loop` is the one thread that touches pika, `link` a connection in it that
mends itself and `talk` what is said over one; `publish` pipelines confirms, `consume` hands out
deliveries within a `window` made of several consumers (`flow`), `admin` and `read` look and move,
`topology` declares, `terms` are its errors in our words, `wire` what a delivery looks like.
"""
