"""The service: configuration, assembly, episodes, journal, report and command line."""
