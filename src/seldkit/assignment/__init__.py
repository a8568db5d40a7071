"""Matching one set of tracks, sources or instances to another."""

from seldkit.assignment.matching import best_permutation, cheapest_matching
from seldkit.assignment.tables import exact_assignment, sinkhorn_assignment

__all__ = ["best_permutation", "cheapest_matching", "exact_assignment", "sinkhorn_assignment"]
