"""The service: the loop over a whole city around the clock, with modes, people's commands, a store and a board."""
