"""Who is measured by `bench/serving.py`: the product and its peers, each started as processes of its own."""
