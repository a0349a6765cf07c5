"""What runs in a process of its own, with our plugin: each reads its question as JSON and prints the answer."""
