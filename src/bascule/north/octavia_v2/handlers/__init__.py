"""What answers each route: a module per noun, a function per method.

A handler gets the call, the body where there is one, and the ids in the path. It gives what the answer holds.
"""
