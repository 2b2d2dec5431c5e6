"""Migrations of the Django Channels peer."""
