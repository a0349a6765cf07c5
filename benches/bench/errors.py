"""The errors of the benchmark."""


class BenchError(Exception):
    """Something could not be set up or measured; the message is a sentence for the person at the terminal."""
