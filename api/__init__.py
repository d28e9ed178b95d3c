"""Who may ask: settings, wiring, the HTTP service, its casework database and the command line."""
