"""Variational autoencoders, their objectives and their evidence estimators (torch only)."""
