"""Fraud as it happens, each kind a small class: its share, its mean length, its span, and its episodes."""
