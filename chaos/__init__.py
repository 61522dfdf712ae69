"""Chaos: whether anything is lost, stuck or wrong after processes, links, databases and devices have failed in every way.

A tool for testing, started by `./run chaos`. It runs the shipped programs as an operator does and judges from outside; it may use
all of Bascule, and nothing of Bascule uses it.
"""
