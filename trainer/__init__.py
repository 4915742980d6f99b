"""Offline side of dinar: builds the open body, its people and avatars."""
