"""What is in flight: one port, a broker in a file and RabbitMQ."""
