"""Side-by-side measurements: medfuzz, boofuzz and the raw link, on the same recorded bytes."""
