"""The shared words: what users ask for, what data planes hold, and the arithmetic between the two.

Standard library only. No I/O, no clock, no configuration: everything here is data or a pure function of its arguments.
"""
