"""The wiring: Faust, Kafka, metrics, the command line. It decides nothing about goals."""
