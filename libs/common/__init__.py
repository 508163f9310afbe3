"""What every app agrees on.

Floors: connect > stores | models > features > config | stats > domain > notation | logs > errors.
"""
