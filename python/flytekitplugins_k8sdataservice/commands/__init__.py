"""What can be done from the command line, a file per command."""
