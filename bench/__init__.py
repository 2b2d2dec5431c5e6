"""Measures the server beside its peers and its limits; `make bench` says how it went."""
