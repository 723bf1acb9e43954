"""A board for firmware of chips that nobody described: what its registers mean is inferred from how they are used."""
