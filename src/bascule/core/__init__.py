"""The service: one writer, one reader, one worker loop, one recorder, and what they need.

No HTTP, no wire format of any API, no code for any particular data plane.
"""
