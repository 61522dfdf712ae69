"""Measurements: what a request costs, how long it takes until a load balancer is carried, how much memory it all needs.

Every figure of a request stands beside the floor: the same server answering with the same rows, by SQL written by hand and with
nothing in between. `./run bench` runs everything; each part is a module with a function `measure`.
"""
