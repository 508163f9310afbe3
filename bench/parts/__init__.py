"""What `bench/serving.py` measures, part by part: each starts its contestants, loads them, and gives figures."""
