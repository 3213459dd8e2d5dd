"""Figures from the logs of played cabinets."""
