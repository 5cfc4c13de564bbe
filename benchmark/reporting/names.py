"""Names of configurations as figures and papers call them."""

from __future__ import annotations

ACRONYMS = frozenset(("vae", "elbo", "iwae", "pca", "ica", "mlp", "dip", "tcvae", "i", "ii"))
OPTIONS = {"num_samples": "K", "latent_dim": "D"}
FIRST_NAMES = {"factor": "Factor", "info": "Info", "annealed": "Annealed"}  # FactorVAE, as its authors write it


def spoken(label: str) -> str:
    """Choices as people write them: acronyms in capitals, other words with spaces; options by their letter."""
    return " ".join(_option(word) if "=" in word else _spoken(word) for word in label.split(" "))


def _option(text: str) -> str:
    key, sign, value = text.partition("=")
    return OPTIONS.get(key, key.replace("_", " ")) + sign + value


def _spoken(choice: str) -> str:
    parts = choice.split("_")
    if len(parts) == 2 and parts[0] in FIRST_NAMES and parts[1] in ACRONYMS:
        return FIRST_NAMES[parts[0]] + parts[1].upper()
    text = parts[0].upper() if parts[0] in ACRONYMS else parts[0]
    for part in parts[1:]:
        text += f"-{part.upper()}" if part in ACRONYMS else f" {part}"
    return text
