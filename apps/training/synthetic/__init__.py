"""Synthetic mailboxes: labelled e-mail that is worth learning from, with a dial for drift."""

from apps.training.synthetic.generator import generate

__all__ = ["generate"]
