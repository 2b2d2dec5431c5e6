"""What is kept: the SQLite file and every statement that touches it."""
