"""From what was typed to a checked plan: composing, checking, naming."""
