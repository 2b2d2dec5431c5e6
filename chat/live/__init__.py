"""Who is connected, and what each of them still has to be sent."""
