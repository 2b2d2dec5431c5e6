"""The command line of whoever runs the server: `python -m chat …`, one module a noun."""
