"""The look of a show in explainable numbers, measured on linear pictures."""
