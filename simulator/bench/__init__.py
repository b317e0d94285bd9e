"""The bars of cost and speed, measured in one run on one machine: counts first, then ratios, absolute times last."""
