"""Which of a program's code has run, as the program itself tells while it stays alive."""
