"""Figures, claims and the page, drawn from the tables that experiments leave in results/."""
