"""One campaign as a user has it: options, a folder with store, manifest and reports, and how it ends."""
