"""Scenarios of the city brain: one matter of the city a file (`citybrain.brain.Scenario`)."""
