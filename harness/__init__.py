"""How a campaign is run: engine, transports, monitors, triage, store and command line."""
