"""What campaigns keep for later ones: the cases that were the first to show something, as files in a folder."""
