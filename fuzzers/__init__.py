"""How it is bent: sources of test cases."""
