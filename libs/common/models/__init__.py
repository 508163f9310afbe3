"""How a model predicts, and the folder it travels in; fitting lives in ``apps.training``."""
