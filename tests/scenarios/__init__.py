"""What is to be equal in memory, on processes of this machine and on a real cluster."""
