"""Programs with our plugin in a process of their own: each reads its question as JSON and prints the answer."""
