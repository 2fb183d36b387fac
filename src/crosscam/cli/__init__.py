"""The command line: one file a command, which parses and then calls the library."""
