"""Compiled array functions: numbers in, numbers out; no classes, strings or exceptions."""
