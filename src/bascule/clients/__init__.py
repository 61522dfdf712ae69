"""The neighbours that Bascule talks to over the network, one package for each.

A client knows the protocol and the words of its neighbour, its errors and how to stay on good terms with it. It knows nothing of
load balancers, of the database or of settings: what it needs is handed in.
"""
