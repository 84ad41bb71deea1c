"""What a show's people start: training on their dailies, comparing versions, publishing."""
