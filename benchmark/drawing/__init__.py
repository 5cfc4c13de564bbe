"""Paper: where panels stand, and how a matrix is drawn; for pictures of a run and for figures of many."""
