"""Traffic → measurements → alerts → retraining; and the comparison that a release is judged by."""
