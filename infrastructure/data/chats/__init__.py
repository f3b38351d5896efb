"""Chats: turns of a system, a user and an assistant, from whatever form they stand in."""
