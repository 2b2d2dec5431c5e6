"""The tables of the Django Channels peer, as its tutorials have them: a room, and a message said in it."""

from __future__ import annotations

from django.db import models


class Room(models.Model):
    name = models.CharField(max_length=90, unique=True)


class Message(models.Model):
    room = models.CharField(max_length=90, db_index=True)
    username = models.CharField(max_length=150)
    message = models.TextField()
    timestamp = models.DateTimeField(auto_now_add=True)
