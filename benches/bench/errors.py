"""What keeps the benchmark from measuring."""


class BenchError(Exception):
    """Something could not be set up or measured; the message is a sentence for the person at the terminal."""
