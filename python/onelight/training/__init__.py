"""What every tool's `train.py` shares: baked crops, the training loop, its checkpoints and pictures, the export."""
