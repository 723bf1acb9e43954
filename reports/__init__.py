"""What is told: renderings of a campaign for people and for machines."""
