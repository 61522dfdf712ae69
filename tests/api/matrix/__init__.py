"""Everything that attributes and objects may or may not be together, each combination tried.

The tables are written from the documentation of the original API. A combination that is in none of them is 400.
"""
