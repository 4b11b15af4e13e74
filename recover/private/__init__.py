"""Regression from messages that are private before they leave their users."""
