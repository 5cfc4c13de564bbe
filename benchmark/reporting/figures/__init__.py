"""Figures of a report: numbers in, axes out."""
