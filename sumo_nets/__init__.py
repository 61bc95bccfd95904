"""SUMO and the scenarios: the only package that imports libsumo, traci or sumolib."""
