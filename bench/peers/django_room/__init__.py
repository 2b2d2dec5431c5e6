"""A chat room in Django Channels under daphne, as their tutorial teaches it, with every message stored in SQLite."""
