"""From a bench file to a runner, shared by all that needs a device wired up: commands, campaigns, discovery."""
